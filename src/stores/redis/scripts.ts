import { RECORD_VERSION } from "../shared/record.ts";
import { answering, forEach, manyTimes, named, script, settling } from "./script-parts.ts";

/**
 * ARGV: token, ttl, ttl and lease together, fingerprint, rerun, the time by the claimant's clock, and within how many
 * milliseconds to rerun, or nothing. Answers with the word "taken" and the record that it wrote, or with the record that
 * is in the way.
 */
const CLAIM_PARTS = answering(`
local owner, new_ttl, life, new_print, new_time = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[6]
local within, now = tonumber(ARGV[7]), nil
if within then
  local clock = redis.call('TIME')
  now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  new_time = string.format('=%.0f', now)
end
local function take(record)
  redis.call('SET', key, record, 'PX', life)
  return 'taken ' .. record
end
local function take_first() return take(line('h', 1, new_ttl, new_time, owner, owner, new_print)) end
-- S1, S3: absent or expired, Redis makes no difference
if not text then return take_first() end
if state == 'c' then return record() end
local differs = print ~= '' and new_print ~= '' and print ~= new_print
-- S6: a released key that comes with another fingerprint starts anew, else its attempts are counted on
if state == 'r' and differs then return take_first() end
if print == '' then print = new_print end
local function take_as(letter, attempt)
  return take(line(letter, attempt, new_ttl, time, owner, run, print))
end
if state == 'r' then return take_as('h', attempt + 1) end
-- S2: its own claim again, whatever became of the lease
if token == owner then return take_as(state, attempt) end
-- S4: a lapsed lease is taken over only with rerun, or soon enough by this clock, and a fingerprint that does not differ
local function is_young()
  local begun = within and string.match(time, '^=(%d+)$')
  return begun and now >= tonumber(begun) and now - begun < within
end
if left() > tonumber(ttl) or differs or not (ARGV[5] == '1' or is_young()) then return record() end
return take_as('t', attempt + 1)
`);
export const CLAIM = script(CLAIM_PARTS);
export const CLAIM_MANY = manyTimes(CLAIM_PARTS);

/** What \`ADD_MANY\` answers with if the key was absent, and if only \`CLAIM\` can answer. */
export const ADDED = "";
export const HELD = "?";

/**
 * ARGV: for each key the record of a first claim, and how long it lives. Keeps that if the key is absent (S1, S3), and
 * answers with the record of a completed key. This is all that nearly all claims need, and half of what \`CLAIM_MANY\` takes.
 */
export const ADD_MANY = forEach(`
local function one(name, n)
  local text = redis.call('GET', name)
  if text then return string.sub(text, 1, 2) == '${RECORD_VERSION}c' and text or '${HELD}' end
  redis.call('SET', name, ARGV[2 * n - 1], 'PX', ARGV[2 * n])
  return '${ADDED}'
end
`);

/** ARGV: token, channel, lease. */
const RENEW_PARTS = settling(`
-- S5: for the token that holds the key, whatever became of the lease
if not held or token ~= owner then return 0 end
redis.call('PEXPIRE', key, ARGV[3] + ttl)
if ARGV[3] == '0' then changed() end
return 1
`);
export const RENEW = script(RENEW_PARTS);
export const RENEW_MANY = manyTimes(RENEW_PARTS);

/** ARGV: token, channel, ttl, outcome. */
const COMPLETE_PARTS = settling(`
-- S5: a holder that completed it already is answered yes again
if token ~= owner or state == 'r' then return 0 end
if state == 'c' then return 1 end
-- S7: kept for the ttl from now
return keep(line('c', attempt, #ARGV[4], time, token, run, print) .. ARGV[4], ARGV[3])
`);
export const COMPLETE = script(COMPLETE_PARTS);
export const COMPLETE_MANY = manyTimes(COMPLETE_PARTS);

/** ARGV: token, channel. */
const RELEASE_PARTS = settling(`
-- S5, S6: the attempts and the runId stay
if not held or token ~= owner then return 0 end
return keep(line('r', attempt, 0, time, '', run, print), ttl)
`);
export const RELEASE = script(RELEASE_PARTS);
export const RELEASE_MANY = manyTimes(RELEASE_PARTS);

/** ARGV: none used, channel, ttl, outcome; the runId and the attempt that were seen, or neither. */
export const SETTLE = script(
  settling(`
if ARGV[5] and not is_seen(ARGV[5], ARGV[6]) then return 0 end
-- S11: what was settled has no token, and is answered yes again if the outcome is the same
if state == 'c' and token == '' and string.sub(text, start) == ARGV[4] then return 1 end
if not held or left() > tonumber(ttl) then return 0 end
return keep(line('c', attempt, #ARGV[4], time, '', run, print) .. ARGV[4], ARGV[3])
`),
);

/** ARGV: none used, channel; the runId and the attempt that were seen, or neither. */
export const REOPEN = script(
  settling(`
if ARGV[3] and not is_seen(ARGV[3], ARGV[4]) then return 0 end
-- S11: sent again, it is answered yes while that claim is released
if ARGV[3] and state == 'r' then return 1 end
if not held or left() > tonumber(ttl) then return 0 end
-- S6: the attempts and the runId stay
return keep(line('r', attempt, 0, time, '', run, print), ttl)
`),
);

/** No ARGV. Answers with an empty text where there is no record: a client may say of its own accord that there is nothing. */
export const READ = script(
  answering(`
if text then return record() end
return ''
`),
);

/** ARGV: a status. Answers as READ does if the record has it, and with an empty text otherwise. */
export const READ_IF = script(
  answering(`
if not text then return '' end
local status = state == 'c' and 'completed' or 'released'
if held then status = left() > tonumber(ttl) and 'in-progress' or 'uncertain' end
if status ~= ARGV[1] then return '' end
return record()
`),
);

/** No ARGV. Answers with a mark and the key's whole name: a client may put a prefix of its own before it. */
export const NAME = named("return '=' .. KEYS[1]");

/** ARGV: none used, channel. Removes whatever is there, of any type and version. */
export const FORGET = named(`
local removed = redis.call('DEL', KEYS[1])
if removed == 1 then redis.pcall('PUBLISH', ARGV[2], '') end
return removed
`);

/** ARGV: none used, channel, the runId and the attempt that were seen. */
export const FORGET_SEEN = script(
  settling(`
-- S11: true if the claim is gone, no matter who removed it; a later claim stays
if not text then return 1 end
if not is_seen(ARGV[3], ARGV[4]) then return 0 end
redis.call('DEL', key)
changed()
return 1
`),
);
