import { createHash } from "node:crypto";
import { RECORD_VERSION } from "../shared/record.ts";

/** A script, and the name under which Redis keeps it. */
export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

// Every script of a record has one key, the record's, and begins by reading it (its form is in record.ts). What remains
// of a lease needs no clock: a held record expires `ttl` after its lease, so the lease is what Redis' own expiry leaves
// above that. A script answers with that and the text where the record is for the client to read.
const HELPERS = `
local key, text, held, state, attempt, ttl, time, token, run, print, start
local function left() return redis.call('PTTL', key) end
local function record() return left() .. ' ' .. text end
local function line(letter, attempt, number, time, token, run, print)
  if run == token then run = '' end
  return '${RECORD_VERSION}' .. letter .. attempt .. ' ' .. number .. ' ' .. time .. ' ' .. token .. ' ' .. run .. ' ' .. print .. '\\n'
end
-- S11: whether this is the claim that was seen
local function is_seen(seen_run, seen_attempt) return run == seen_run and attempt == seen_attempt end
`;

// With -1 left it is no record that anybody could read.
const READING = `
key = KEYS[1]
text = redis.call('GET', key)
state, attempt, ttl, time, token, run, print, start = nil
if text then
  state, attempt, ttl, time, token, run, print, start =
    string.match(text, '^${RECORD_VERSION}([htrc])(%d+) (%d+) (=?%w+) ([^ \\n]*) ([^ \\n]*) ([^ \\n]*)\\n()')
  if not state or #text + 1 - start ~= (state == 'c' and tonumber(ttl) or 0) then
    return '-1 ' .. string.sub(text, 1, 32)
  end
  if run == '' then run = token end
end
held = state == 'h' or state == 't'
`;

// A key that was claimed can be settled although memory is full: Redis refuses no write of a script that has written
// already, and setting an expiry takes no memory.
const SETTLING = `
local owner, channel
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

export function named(text: string): RedisScript {
  return { text, sha1: createHash("sha1").update(text).digest("hex") };
}

/** What a script is made of: what it knows before it looks at a key, and what it does for one. */
interface Parts {
  readonly helpers: string;
  readonly body: string;
}

export const answering = (body: string): Parts => ({ helpers: HELPERS, body: READING + body });
export const settling = (body: string): Parts => ({
  helpers: HELPERS + SETTLING,
  body: `${READING}owner, channel = ARGV[1], ARGV[2]${body}`,
});

export const script = ({ helpers, body }: Parts) => named(helpers + body);

// The replies of one script of many keys are no longer than that together, but for the last.
const REPLY_BYTES = 2 ** 20;

/** What a script of many keys answers with for a key that it did not look at, because the replies before it were long. */
export const SKIPPED = "-";
/** What it answers with, and the message behind it, for a key for which it failed. */
export const FAILED = "! ";

/** B6: KEYS are the records' names, and \`one` answers for the nth of them. What fails for one costs that one alone. */
export const forEach = (one: string) =>
  named(`${one}
local replies, size = {}, 0
for n, name in ipairs(KEYS) do
  if size < ${REPLY_BYTES} then
    local ok, reply = pcall(one, name, n)
    -- Redis before 7 throws texts
    if not ok then reply = '${FAILED}' .. (type(reply) == 'table' and reply.err or tostring(reply)) end
    if type(reply) == 'string' then size = size + #reply end
    replies[n] = reply
  else
    replies[n] = '${SKIPPED}'
  end
end
return replies
`);

/** The same for each of many keys. ARGV is what a script of one key is given, one after the other. */
export const manyTimes = ({ helpers, body }: Parts) =>
  forEach(`${helpers}
local function act(KEYS, ARGV)${body}end
local names, given, each = {}, {}, #ARGV / #KEYS
local function one(name, n)
  names[1] = name
  for k = 1, each do given[k] = ARGV[(n - 1) * each + k] end
  return act(names, given)
end
`);
