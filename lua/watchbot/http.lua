--- http: one request, one response; the calling task waits, the others go on.
--
--     local response, err, code = http.request {
--       url = "https://example.com/jobs", method = "POST", body = bytes }
--
-- Sits on watchbot.core.http (src/http.h, which explains how it uses libcurl). Every status is a
-- response, including 404 and 500. Redirects are not followed, content is not decoded, cookies are
-- not kept. Certificates are always verified. Proxies come from the environment as libcurl reads
-- it: `http_proxy` (lower case only), `https_proxy`, `all_proxy` and `no_proxy`, the last three
-- also in upper case (https://curl.se/libcurl/c/libcurl-env.html).

local core = require "watchbot.core".http
local suggest = require "watchbot.lib.suggest"

---@class watchbot.Request
---@field url string `http://` or `https://`, without a user name; sent unchanged, including dots in
--- the path
---@field method string? capital letters; default `GET`
---@field headers table<string, string|string[]>? sent unchanged; only `Host` and `Content-Length`
--- are added
---@field body string? any bytes; POST, PUT and PATCH without one send `Content-Length: 0`
---@field connect_timeout number? seconds for the name, the connection and TLS; default 5
---@field timeout number? seconds for the whole call; default 60. A long poll needs more than its
--- wait
---@field limit integer? bytes of the response's body at most; default 16 MiB
---@field ca_file string? PEM file of the authorities to trust instead of the system's; default
--- `$AWS_CA_BUNDLE`, then `$SSL_CERT_FILE`
---@field cert_file string? PEM file of a client certificate, for a server that asks for one
---@field key_file string? PEM file of its private key; default `cert_file`
---@field direct boolean? never through a proxy: for addresses that only this machine or container
--- can reach
---@field idempotent boolean? may be sent again at once if a connection that was kept open fails
--- before any response. Default: true for all methods except POST and PATCH (RFC 9110, 9.2.2)

---@class watchbot.Response
---@field status integer
---@field headers table<string, string> names in lower case; the values of several headers with one
--- name are joined by `, `
---@field body string

---@class watchbot.HttpModule
local http = {}

--- Failures after which the request cannot have been applied, because nothing of it was sent:
--- `http.unsent[code]` is true for `BadUrl`, `NoMemory`, `ResolveFailed`, `ConnectFailed`,
--- `ConnectTimeout` and `TlsFailed` (the certificate was refused). After any other failure it may
--- have been applied: `Timeout`, `ConnectionLost`, `Truncated`, `TooLarge`, `BadResponse`.
---@type table<string, true?>
http.unsent = core.unsent

local fields = {
  "url", "method", "headers", "body", "connect_timeout", "timeout", "limit", "ca_file",
  "cert_file", "key_file", "direct", "idempotent",
}
local known = {}
for _, name in ipairs(fields) do known[name] = true end

local function check_fields(request)
  if type(request) ~= "table" then
    error("request: expected a table, got a " .. type(request), 3)
  end
  for name in pairs(request) do
    if not known[name] then
      error(("request: unknown field '%s'%s"):format(tostring(name),
        suggest.hint(name, fields)), 3)
    end
  end
end

--- Waits for the response. Canceling the waiting task ends the transfer at once. Errors name the
--- scheme, host and port of the URL, and nothing else of the request.
---@param request watchbot.Request read before the wait; later changes have no effect
---@return watchbot.Response? response
---@return string? err "could not reach https://host: connection refused"
---@return string? code one of those above
function http.request(request)
  check_fields(request)
  return core.request(request)
end

return http
