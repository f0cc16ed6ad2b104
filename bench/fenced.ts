import { createHash } from "node:crypto";

/** Completes a key that still has the token: what a careful hand writes on a bare client. */
export const FENCED = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;
export const FENCED_SHA1 = createHash("sha1").update(FENCED).digest("hex");
