export type { Finding, Reconciled, ReconcileOptions } from "./operate/reconcile/options.ts";
export { reconcile } from "./operate/reconcile/reconcile.ts";
export { type Reconciler, type ReconcilerOptions, startReconciler } from "./operate/reconcile/reconciler.ts";
