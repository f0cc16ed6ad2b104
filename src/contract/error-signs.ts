// What clients' errors look like. A row names a property of an error and the texts of it that count. The
// shapes come from running the clients against a hostile server: docs/clients.md shows what each one throws.
export type Signs = Readonly<Record<string, RegExp>>;

/** Properties in which clients keep the error that they wrap. */
export const WRAPPERS = [
  "cause",
  "error",
  "detail",
  "original",
  "originalError",
  "reason",
  "raw",
  "innerError",
  "jse_cause", // VError
] as const;

const UNSENT_CODE =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|E(HOST|NET)UNREACH|UND_ERR_CONNECT_TIMEOUT|CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket)$|CERT|LEAF_SIGNATURE/;

/** It failed before a request could go out, or the peer vouches that it has not looked at it. */
export const UNSENT: Signs = {
  syscall: /^(connect|getaddrinfo)$/,
  event: /^(lookup|connect|secureConnect)$/,
  code: UNSENT_CODE,
  originalCode: UNSENT_CODE,
  name: /^(ConnectionRefused|ConnectTimeoutError)$/,
  message:
    /\b(connect E[A-Z]{4}|ECONNREFUSED|ENOTFOUND|EAI_AGAIN)|^(Connection timeout|Greeting never received|timeout exceeded when trying to connect)$|not establish a connection|before secure TLS connection|REFUSED_STREAM|(D1 DB|Durable Object) is overloaded|Cannot resolve (D1 DB|Durable Object)|^Unable to execute requests; the client is closed|^Connection error: (Standalone|Cluster)\b|^Standalone connect failed|^Reached maximum inflight requests/,
  details:
    /^(Deadline exceeded after (?!.*previous attempts).*waiting for|Name resolution failed|Stream refused)|\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)\b/i,
};

const LOST_CODE =
  /^(ECONN(RESET|ABORTED|ECTION)|EPIPE|E(SOCKET)?TIMEDOUT|ESOCKET|ERR_(CANCELED|STREAM_PREMATURE_CLOSE|BODY_PARSE_FAILURE)|ERR_HTTP2_(STREAM_|SESSION_)?ERROR|UND_ERR_(SOCKET|(HEADERS|BODY)_TIMEOUT|INFO|DESTROYED|RES_\w+)|HPE_\w+|LEASE_LOST|ERR_BATCH_RESULTS|CONNECTION_(CLOSED|DESTROYED)|PROTOCOL_(CONNECTION_LOST|SEQUENCE_TIMEOUT)|57P0[12]|0800[367]|UNCERTAIN_STATE|ConnectionClosed)$/;

/** The connection, the wait or the answer broke off when a request may have been under way. */
export const LOST: Signs = {
  code: LOST_CODE,
  message: LOST_CODE,
  name: /^(AbortError|TimeoutError|HTTPParserError|Connection(Reset|Aborted)|BrokenPipe|UnexpectedEof|ClosingError)$/,
  details:
    /^(Connection dropped|(read|write) E(CONNRESET|TIMEDOUT)|Received (RST_STREAM|HTTP status code 50[24])|Write (error|failed))/,
};

const LOST_WORDS =
  /\b(ECONNRESET|EPIPE|E(SOCKET)?TIMEDOUT|UND_ERR_SOCKET)\b|socket hang ?up|premature close|stream has been (aborted|early terminated)|not get a response|abnormally aborted|client error \(SendRequest\)|Connection reset by peer|reading a body from connection|other side closed|operation was aborted|^request (closed|aborted)|stream (closed with error code|ended unexpectedly with status null)|^(request|response|network|read|(apn )?write|query( read)?|socket|command|the operation|operation)\b.{0,99}[ _](timeout|timed out)\b|timeout of \d+ ?ms exceeded|^"?timeout"?$|^connection (terminated|is closed|lost|closed)|^received connection error|closed (the connection )?unexpectedly|(D1 DB|Durable Object)\b.{0,99}\breset\b|because client disconnected|^internal error; reference\b|\bstatus(code)?( code)?:? ?(499|502|504|520|524|598|599)\b/i;

/** The same in the words of a client, which may also stand on a wrapper of an error that sent nothing. */
export const WORDS: Signs = {
  code: /^ERR_HTTP2_STREAM_CANCEL$/,
  name: /^(MaxRetriesPerRequestError|MongoNetwork(Timeout)?Error|APIConnectionTimeoutError)$/,
  message: LOST_WORDS,
  details: LOST_WORDS,
};

/** The answer made no sense to the client: the error page of a gateway looks so. */
export const UNREADABLE: Signs = {
  type: /^invalid-json$/,
  response: /^\D/, // an SMTP server's reply begins with its number
  message:
    /(not valid|invalid|unexpected|parse|parsing|parse error).{0,40}\bJSON|JSON.{0,20}(parse|input|at position)|XML parse|cannot parse|decode response|unexpected token|protocol error|unknown RESP type|<(html|!doctype)\b/i,
};

/** Names for any network failure: what they wrap decides, without it nobody can know. */
export const BARE: Signs = {
  code: /^ERR_NETWORK$/,
  message:
    /^((TypeError|D1_ERROR): )?(fetch failed|Failed to fetch|Unable to fetch data\. The request could not be resolved|Load failed|NetworkError when attempting to fetch resource|Network (error|request failed|connection lost)|The network connection was lost)( \(.*\))?\.?$/i,
};

/** Before connecting these say that nothing was sent; an established connection may end with them too. */
export const UNREACHABLE: Signs = { code: /^E(HOST|NET)UNREACH$/ };

/** Gateways that answered in place of the target, or gave up on it. */
export const GATEWAY = /^(499|502|504|520|524|598|599)$/;
/** Answers after which the target has done nothing. */
export const REJECTED = /^4(?!08|09|25|99)\d\d$/;
export const SMTP_REJECTED = /^(5\d\d|421|45[012])$/;

/** Failures that a wrapper repeats by name: one timeout is named in several ways. */
export const REPEATED = [/TIME/i, /RESET/, /HTTP2/, /ESOCKET/];
