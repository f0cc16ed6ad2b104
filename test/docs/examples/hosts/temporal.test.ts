import { temporal } from "../../../../examples/hosts/temporal/host.ts";
import { testOnDemand } from "./on-demand.ts";

// What stands in for the server runs whole jobs again: the first email of a job whose second one failed is a duplicate.
await testOnDemand(temporal, { duplicates: 7 });
