import { createHash } from "node:crypto";
import { RECORD_VERSION } from "../shared/record.ts";

/** A script, and the name under which Redis keeps it. */
export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

// Every script has one key, the record's, and begins by reading it (its form is in record.ts). What remains of a
// lease needs no clock: a held record expires `ttl` after its lease, so the lease is what Redis' own expiry leaves
// above that. A script answers with that and the text where the record is for the client to read.
const TEXT = `
local key = KEYS[1]
local text = redis.call('GET', key)
`;

// With -1 left it is no record that anybody could read.
const RECORD = `
local state, attempt, ttl, time, token, run, print, start
if text then
  state, attempt, ttl, time, token, run, print, start =
    string.match(text, '^${RECORD_VERSION}([htrc])(%d+) (%d+) (=?%w+) ([^ \\n]*) ([^ \\n]*) ([^ \\n]*)\\n()')
  if not state or #text + 1 - start ~= (state == 'c' and tonumber(ttl) or 0) then
    return '-1 ' .. string.sub(text, 1, 32)
  end
  if run == '' then run = token end
end
local held = state == 'h' or state == 't'
local function left() return redis.call('PTTL', key) end
local function record() return left() .. ' ' .. text end
local function line(letter, attempt, number, time, token, run, print)
  if run == token then run = '' end
  return '${RECORD_VERSION}' .. letter .. attempt .. ' ' .. number .. ' ' .. time .. ' ' .. token .. ' ' .. run .. ' ' .. print .. '\\n'
end
-- S11: whether this is the claim that was seen
local function is_seen(seen_run, seen_attempt) return run == seen_run and attempt == seen_attempt end
`;

// A key that was claimed can be settled although memory is full: Redis refuses no write of a script that has written
// already, and setting an expiry takes no memory.
const SETTLING = `
local owner, channel = ARGV[1], ARGV[2]
local function changed() redis.pcall('PUBLISH', channel, '') end
local function keep(text, ttl)
  if redis.pcall('SET', key, text, 'PX', ttl).err then
    redis.call('PEXPIRE', key, ttl)
    redis.call('SET', key, text, 'PX', ttl)
  end
  changed()
  return 1
end
`;

function named(text: string): RedisScript {
  return { text, sha1: createHash("sha1").update(text).digest("hex") };
}

function script(body: string): RedisScript {
  return named(TEXT + RECORD + body);
}

/**
 * ARGV: token, ttl, ttl and lease together, fingerprint, rerun, the time by the claimant's clock, and within how many
 * milliseconds to rerun, or nothing. Answers with the word "taken" and the record that it wrote, or with the record that
 * is in the way.
 */
export const CLAIM = script(`
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

/** ARGV: token, channel, lease. */
export const RENEW = script(`${SETTLING}
-- S5: for the token that holds the key, whatever became of the lease
if not held or token ~= owner then return 0 end
redis.call('PEXPIRE', key, ARGV[3] + ttl)
if ARGV[3] == '0' then changed() end
return 1
`);

/** ARGV: token, channel, ttl, outcome. */
export const COMPLETE = script(`${SETTLING}
-- S5: a holder that completed it already is answered yes again
if token ~= owner or state == 'r' then return 0 end
if state == 'c' then return 1 end
-- S7: kept for the ttl from now
return keep(line('c', attempt, #ARGV[4], time, token, run, print) .. ARGV[4], ARGV[3])
`);

/** ARGV: token, channel. */
export const RELEASE = script(`${SETTLING}
-- S5, S6: the attempts and the runId stay
if not held or token ~= owner then return 0 end
return keep(line('r', attempt, 0, time, '', run, print), ttl)
`);

/** ARGV: none used, channel, ttl, outcome; the runId and the attempt that were seen, or neither. */
export const SETTLE = script(`${SETTLING}
if ARGV[5] and not is_seen(ARGV[5], ARGV[6]) then return 0 end
-- S11: what was settled has no token, and is answered yes again if the outcome is the same
if state == 'c' and token == '' and string.sub(text, start) == ARGV[4] then return 1 end
if not held or left() > tonumber(ttl) then return 0 end
return keep(line('c', attempt, #ARGV[4], time, '', run, print) .. ARGV[4], ARGV[3])
`);

/** ARGV: none used, channel; the runId and the attempt that were seen, or neither. */
export const REOPEN = script(`${SETTLING}
if ARGV[3] and not is_seen(ARGV[3], ARGV[4]) then return 0 end
-- S11: sent again, it is answered yes while that claim is released
if ARGV[3] and state == 'r' then return 1 end
if not held or left() > tonumber(ttl) then return 0 end
-- S6: the attempts and the runId stay
return keep(line('r', attempt, 0, time, '', run, print), ttl)
`);

/** No ARGV. Answers with nothing where there is no record. */
export const READ = script(`
if text then return record() end
return false
`);

/** ARGV: a status. Answers as READ does if the record has it, and with nothing otherwise. */
export const READ_IF = script(`
if not text then return false end
local status = state == 'c' and 'completed' or 'released'
if held then status = left() > tonumber(ttl) and 'in-progress' or 'uncertain' end
if status ~= ARGV[1] then return false end
return record()
`);

/** No ARGV. Answers with the key's whole name: a client may put a prefix of its own before it. */
export const NAME = named("return KEYS[1]");

/** ARGV: none used, channel. Removes whatever is there, of any type and version. */
export const FORGET = named(`
local removed = redis.call('DEL', KEYS[1])
if removed == 1 then redis.pcall('PUBLISH', ARGV[2], '') end
return removed
`);

/** ARGV: none used, channel, the runId and the attempt that were seen. */
export const FORGET_SEEN = script(`${SETTLING}
-- S11: true if the claim is gone, no matter who removed it; a later claim stays
if not text then return 1 end
if not is_seen(ARGV[3], ARGV[4]) then return 0 end
redis.call('DEL', key)
changed()
return 1
`);
