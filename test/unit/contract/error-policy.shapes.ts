export type Row = [what: string, thrown: object];

/** An error with these properties. */
export const error = (properties: object): Error => Object.assign(new Error(), properties);

export const refused = error({
  code: "ECONNREFUSED",
  syscall: "connect",
  message: "connect ECONNREFUSED 127.0.0.1:9",
});
export const noConnection = error({
  code: "ETIMEDOUT",
  syscall: "connect",
  message: "connect ETIMEDOUT 10.0.0.1:443",
});
export const reset = error({ code: "ECONNRESET", syscall: "read", message: "read ECONNRESET" });
export const hangUp = error({ code: "ECONNRESET", message: "socket hang up" });
const tlsCut = "Client network socket disconnected before secure TLS connection was established";
const smithy = "@smithy/node-http-handler - ";
const grpcWait = "Deadline exceeded after 0.299s,name resolution: 0.001s";

// Shapes that the clients threw at broken servers, or that their sources make.
export const LOST: Row[] = [
  ["a reset", reset],
  ["a hang-up", hangUp],
  ["a broken pipe", { code: "EPIPE", syscall: "write" }],
  [
    "a silent peer, by the kernel's patience",
    { code: "ETIMEDOUT", syscall: "read", message: "read ETIMEDOUT" },
  ],
  ["a router giving up on a connection", { code: "EHOSTUNREACH", syscall: "read" }],
  ["a network that went away", { code: "ENETUNREACH", syscall: "write" }],
  ["a stream that ended early", { code: "ERR_STREAM_PREMATURE_CLOSE", message: "Premature close" }],
  [
    "an early end without a code",
    { message: "Invalid response body while trying to fetch /: Premature close" },
  ],
  ["an answer that cannot be read", { code: "HPE_INVALID_CONSTANT" }],
  ["HTTP/2: a stream reset", { code: "ERR_HTTP2_STREAM_ERROR" }],
  ["HTTP/2: a session closed", { code: "ERR_HTTP2_SESSION_ERROR" }],
  ["HTTP/2: nonsense", { code: "ERR_HTTP2_ERROR", message: "Protocol error" }],
  ["an abort", new DOMException("This operation was aborted", "AbortError")],
  ["a timeout", new DOMException("due to timeout", "TimeoutError")],
  ["node: an abort for a reason", { name: "AbortError", code: "ABORT_ERR", cause: refused }],
  ["our own signal", { name: "LeaseLostError", code: "LEASE_LOST" }],
  ["fetch: a reset", { name: "TypeError", message: "fetch failed", cause: reset }],
  ["fetch: a body cut", { message: "terminated", cause: error({ code: "UND_ERR_SOCKET" }) }],
  ["undici: no answer", { code: "UND_ERR_HEADERS_TIMEOUT" }],
  ["undici: no more of a body", { code: "UND_ERR_BODY_TIMEOUT" }],
  ["undici: an answer that cannot be read", { name: "HTTPParserError", code: undefined }],
  ["undici: HTTP/2", { code: "UND_ERR_INFO", message: "HTTP/2: stream half-closed (remote)" }],
  ["undici: destroyed with a request under way", { code: "UND_ERR_DESTROYED" }],
  ["undici: retried in vain", { code: "UND_ERR_REQ_RETRY", statusCode: 502 }],
  [
    "Deno: a reset",
    { message: "fetch failed", cause: error({ message: "Connection reset by peer (os error 104)" }) },
  ],
  [
    "Deno: a close",
    { message: "fetch failed", cause: error({ message: "for /: client error (SendRequest): closed" }) },
  ],
  ["Deno: a body cut", { message: "error reading a body from connection" }],
  ["Bun", { code: "ECONNRESET", message: "ECONNRESET: The socket connection was closed unexpectedly." }],
  ["axios: a timeout", { code: "ECONNABORTED", message: "timeout of 500ms exceeded" }],
  ["axios: a clear timeout", { code: "ETIMEDOUT", message: "timeout of 500ms exceeded" }],
  ["axios: a cancellation", { name: "CanceledError", code: "ERR_CANCELED" }],
  ["axios: a body cut", { code: "ERR_BAD_RESPONSE", message: "stream has been aborted", status: 200 }],
  [
    "axios: fetch",
    { code: "ERR_NETWORK", message: "Network Error", cause: error({ code: "UND_ERR_SOCKET" }) },
  ],
  ["axios: a gateway", { code: "ERR_BAD_RESPONSE", response: { status: 504 } }],
  ["got: no answer", { name: "TimeoutError", code: "ETIMEDOUT", event: "response" }],
  ["got: a body cut", { name: "ReadError", code: "ECONNRESET", response: { statusCode: 200 } }],
  ["got: a gateway", { name: "HTTPError", code: "ERR_NON_2XX_3XX_RESPONSE", response: { statusCode: 502 } }],
  ["got: HTTP/2", { code: "ERR_GOT_REQUEST_ERROR", message: "The HTTP/2 stream has been early terminated" }],
  ["nodemailer: a cut", { code: "ECONNECTION", command: "CONN", message: "Connection closed unexpectedly" }],
  ["nodemailer: a reset", { code: "ESOCKET", command: "CONN", syscall: "read", originalCode: "ECONNRESET" }],
  ["nodemailer: no answer", { code: "ETIMEDOUT", command: "CONN", message: "Timeout" }],
  ["nodemailer: a reply cut short", { code: "ECONNECTION", responseCode: 421, response: "421 closi" }],
  ["AWS: a reset", { name: "TimeoutError", code: "ECONNRESET", $metadata: { attempts: 1 } }],
  ["AWS: no answer", { name: "TimeoutError", message: `${smithy}the request socket timed out after 600 ms` }],
  ["AWS: a body that stalls", { name: "TimeoutError", $metadata: { httpStatusCode: 200 } }],
  ["AWS: an unreadable gateway", { message: "XML parse error", $metadata: { httpStatusCode: 504 } }],
  ["AWS: HTTP/2", { message: "Unexpected error: http2 request did not get a response" }],
  [
    "AWS: HTTP/2 midway",
    { message: "HTTP/2 stream is abnormally aborted in mid-communication with result code 8." },
  ],
  ["gRPC: out of time", { code: 4, details: `${grpcWait},remote_addr=127.0.0.1:9` }],
  [
    "gRPC: out of time in a retry",
    { code: 4, details: `${grpcWait},previous attempts: 3,Waiting for LB pick` },
  ],
  ["gRPC: cancelled", { code: 1, details: "Cancelled on client" }],
  ["gRPC: dropped", { code: 14, details: "Connection dropped" }],
  ["gRPC: a reset", { code: 14, details: "read ECONNRESET" }],
  ["gRPC: not written", { code: 14, details: "Write error: write EPIPE" }],
  ["gRPC: a stream reset", { code: 13, details: "Received RST_STREAM with code 2 (Internal server error)" }],
  ["gRPC: a gateway", { code: 14, details: "Received HTTP status code 502" }],
  ["SendGrid: a gateway", { name: "ResponseError", code: 502, response: { headers: {}, body: {} } }],
  ["a response, thrown as it came", new Response(null, { status: 502 })],
  ...[
    "D1_ERROR: Network connection lost.",
    "D1_ERROR: D1 DB reset because its code was updated.",
    "D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.",
    "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
    "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
    "D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.",
    "D1_ERROR: D1 DB exceeded its CPU time limit and was reset.",
    "D1_ERROR: Can't read from request stream because client disconnected.",
    "Durable Object reset because its code was updated.",
    "Durable Object storage operation exceeded timeout which caused object to be reset.",
    "Internal error in Durable Object storage write caused object to be reset; reference = 7k2v",
    "Durable Object exceeded its CPU time limit and was reset.",
    "The call was canceled and the Durable Object was reset.",
    "internal error; reference = 7k2v",
  ].map((message): Row => [`Cloudflare: ${message}`, { message }]),
];

/** What Cloudflare says of a request that it has not begun to serve. */
export const REFUSED_BY_CLOUDFLARE: Row[] = [
  "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
  "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
  "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
  "Durable Object is overloaded. Too many requests queued.",
  "Cannot resolve Durable Object due to transient issue on remote node.",
].map((message): Row => [`Cloudflare: ${message}`, { message }]);

export const NOT_LOST: Row[] = [
  ...REFUSED_BY_CLOUDFLARE,
  ["Cloudflare: SQLite's", { message: "D1_ERROR: no such table: orders: SQLITE_ERROR" }],
  ["a refusal", refused],
  ["a connection that timed out", noConnection],
  ["a code alone", { code: "ECONNREFUSED" }],
  ["no such socket", { code: "ENOENT", syscall: "connect", message: "connect ENOENT /run/mail.sock" }],
  ["no such host", { code: "ENOTFOUND", syscall: "getaddrinfo" }],
  ["a name server that is down", { code: "EAI_AGAIN" }],
  ["no route", { code: "EHOSTUNREACH" }],
  ["a cut in the TLS handshake", { code: "ECONNRESET", message: tlsCut }],
  [
    "HTTP/2: a stream that was refused",
    { code: "ERR_HTTP2_STREAM_ERROR", message: "with NGHTTP2_REFUSED_STREAM" },
  ],
  ["HTTP/2: never connected", { code: "ERR_HTTP2_STREAM_CANCEL", message: "canceled", cause: refused }],
  ["a file", { code: "EISDIR", syscall: "read" }],
  ["a bug", new TypeError("Cannot read properties of undefined (reading 'length')")],
  ["fetch: a refusal", { message: "fetch failed", cause: refused }],
  [
    "fetch: a certificate",
    { message: "fetch failed", cause: error({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }) },
  ],
  ["fetch: a port it blocks", { message: "fetch failed", cause: error({ message: "bad port" }) }],
  ["fetch: an address it cannot read", { name: "TypeError", message: "Failed to parse URL from x" }],
  ["undici: never connected", { name: "ConnectTimeoutError", code: "UND_ERR_CONNECT_TIMEOUT" }],
  ["undici: closed", { code: "UND_ERR_CLOSED" }],
  [
    "node-fetch: never connected",
    { code: "ETIMEDOUT", message: "to / failed, reason: connect ETIMEDOUT 10.0.0.1:80" },
  ],
  [
    "Deno: a refusal",
    { message: "fetch failed", cause: error({ message: "client error (Connect): refused" }) },
  ],
  ["axios: a refusal", { code: "ECONNREFUSED", message: refused.message, cause: refused }],
  ["axios: never connected", { name: "AxiosError", code: "ETIMEDOUT", message: "", cause: noConnection }],
  ["axios: fetch", { code: "ERR_NETWORK", message: "Network Error", cause: refused }],
  ["axios: a status", { code: "ERR_BAD_RESPONSE", status: 503, response: { status: 503 } }],
  ["got: a status", { name: "HTTPError", response: { statusCode: 500 } }],
  ...["lookup", "connect", "secureConnect"].map<Row>(event => [
    `got: no ${event}`,
    {
      name: "TimeoutError",
      code: "ETIMEDOUT",
      event,
      cause: error({ name: "TimeoutError", code: "ETIMEDOUT", event }),
    },
  ]),
  [
    "nodemailer: a refusal",
    { code: "ESOCKET", command: "CONN", syscall: "connect", originalCode: "ECONNREFUSED" },
  ],
  ["nodemailer: a refusal, by its code", { code: "ESOCKET", command: "CONN", originalCode: "ECONNREFUSED" }],
  ["nodemailer: a certificate", { code: "ESOCKET", command: "CONN", originalCode: "CERT_HAS_EXPIRED" }],
  ["nodemailer: no such host", { code: "EDNS", command: "CONN", syscall: "getaddrinfo" }],
  ["nodemailer: never connected", { code: "ETIMEDOUT", command: "CONN", message: "Connection timeout" }],
  ["nodemailer: never greeted", { code: "ETIMEDOUT", command: "CONN", message: "Greeting never received" }],
  ["nodemailer: sent away", { code: "EPROTOCOL", command: "CONN", responseCode: 421 }],
  ["nodemailer: a rejection", { code: "EMESSAGE", command: "DATA", responseCode: 550, response: "550 no" }],
  [
    "AWS: never connected",
    { name: "TimeoutError", message: `${smithy}the request socket did not establish a connection` },
  ],
  ["AWS: never connected, by the kernel", { name: "TimeoutError", code: "ETIMEDOUT", syscall: "connect" }],
  ["AWS: a status", { name: "InternalErrorException", $metadata: { httpStatusCode: 500 } }],
  [
    "gRPC: no connection",
    { code: 14, details: `No connection established. Last error: Error: ${refused.message}` },
  ],
  ["gRPC: no such host", { code: 14, details: "Name resolution failed for target dns:nope.invalid:1" }],
  ["gRPC: refused by the server", { code: 14, details: "Stream refused by server" }],
  ["gRPC: out of time before connecting", { code: 4, details: `${grpcWait},Waiting for LB pick` }],
  ["gRPC: the server's answer", { code: 14, details: "try later" }],
  ["gRPC: the server's fault", { code: 13, details: "boom" }],
  ["a small number that is no gRPC status", { code: 4 }],
  ["502 in a field of another meaning", { errno: 502, port: 504, count: 502 }],
  ["a status in words", { status: "Bad Gateway" }],
];

// Wordings of a fetch that failed, by runtime. They come without a cause, or with one that knows better.
export const BARE = [
  "fetch failed",
  "Failed to fetch", // Chromium
  "Failed to fetch (mail.example)",
  "network error",
  "NetworkError when attempting to fetch resource.", // Firefox
  "Load failed", // Safari
  "The network connection was lost.",
  "Network connection lost.", // workerd
  "D1_ERROR: Network connection lost.", // Cloudflare D1, its cause left on the way
  "Network request failed", // React Native
  "Network Error", // axios over XMLHttpRequest
];
