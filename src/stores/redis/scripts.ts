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
local state, attempt, ttl, token, run, print, start
if text then
  state, attempt, ttl, token, run, print, start =
    string.match(text, '^${RECORD_VERSION}([hrc])(%d+) (%d+) ([^ \\n]*) ([^ \\n]*) ([^ \\n]*)\\n()')
  if not state or #text + 1 - start ~= (state == 'c' and tonumber(ttl) or 0) then
    return '-1 ' .. string.sub(text, 1, 32)
  end
  if run == '' then run = token end
end
local function left() return redis.call('PTTL', key) end
local function told() return left() .. ' ' .. text end
local function line(letter, attempt, number, token, run, print)
  if run == token then run = '' end
  return '${RECORD_VERSION}' .. letter .. attempt .. ' ' .. number .. ' ' .. token .. ' ' .. run .. ' ' .. print .. '\\n'
end
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

/** ARGV: token, ttl, ttl and lease together, fingerprint, rerun, the record of a first claim. Answers 1 for that. */
export const CLAIM = script(`
local owner, newTtl, life, newPrint = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not text then
  redis.call('SET', key, ARGV[6], 'PX', life)
  return 1
end
if state == 'c' then return told() end
local function hold(attempt, run, print)
  redis.call('SET', key, line('h', attempt, newTtl, owner, run, print), 'PX', life)
  return { attempt, run }
end
local differs = print ~= '' and newPrint ~= '' and print ~= newPrint
attempt = tonumber(attempt)
if state == 'r' and differs then return hold(1, owner, newPrint) end
if print == '' then print = newPrint end
if state == 'r' then return hold(attempt + 1, run, print) end
if token == owner then return hold(attempt, run, print) end
if left() > tonumber(ttl) or ARGV[5] ~= '1' or differs then return told() end
return hold(attempt + 1, run, print)
`);

/** ARGV: token, channel, lease. */
export const RENEW = script(`${SETTLING}
if state ~= 'h' or token ~= owner then return 0 end
redis.call('PEXPIRE', key, ARGV[3] + ttl)
if ARGV[3] == '0' then changed() end
return 1
`);

/** ARGV: token, channel, ttl, outcome. */
export const COMPLETE = script(`${SETTLING}
if token ~= owner or state == 'r' then return 0 end
if state == 'c' then return 1 end
return keep(line('c', attempt, #ARGV[4], token, run, print) .. ARGV[4], ARGV[3])
`);

/** ARGV: token, channel. */
export const RELEASE = script(`${SETTLING}
if state ~= 'h' or token ~= owner then return 0 end
return keep(line('r', attempt, 0, '', run, print), ttl)
`);

/** ARGV: none used, channel, ttl, outcome. */
export const SETTLE = script(`${SETTLING}
if state ~= 'h' or left() > tonumber(ttl) then return 0 end
return keep(line('c', attempt, #ARGV[4], '', run, print) .. ARGV[4], ARGV[3])
`);

/** No ARGV. Answers with nothing where there is no record. */
export const READ = script(`
if text then return told() end
return false
`);

/** ARGV: channel. Removes whatever is there, of any type and version. */
export const FORGET = named(`
local removed = redis.call('DEL', KEYS[1])
if removed == 1 then redis.pcall('PUBLISH', ARGV[1], '') end
return removed
`);
