--- urls: takes the secrets out of URLs that are shown to people: in a terminal, an error, the log.
-- A URL may hold a password before its host, and a token or a signature in its query. What is shown
-- still names the host and the path.

local percent = require "watchbot.lib.percent"

local urls = {}

local HIDDEN = "[hidden]"

-- In text, a URL ends at a blank, or at what quotes it. A password may hold "'". The frontier keeps
-- a long word from being tried from each of its letters.
local URL = "%f[%w+.%-][%w+.%-]+://[^%s\"<>`]+"

-- The last words of a parameter whose value is a secret: X-Amz-Signature, access_token, apiKey.
local SECRET = {
  "token", "secret", "password", "passwd", "pwd", "signature", "credential", "key", "keyid", "sig",
  "auth", "authorization", "sas",
}

local function is_secret(name)
  local letters = percent.decode(name):gsub("%W", ""):lower()
  for _, word in ipairs(SECRET) do
    if letters:sub(-#word) == word then return true end
  end
end

local function hide_parameter(before, name, value)
  if value ~= "" and is_secret(name) then return before .. name .. "=" .. HIDDEN end
end

-- What follows the scheme => where the user's part of it ends, at "@".
-- A password is written with "%2F" for "/", but people forget it: then what stands before the slash
-- is no host with a port.
local function user_end(rest)
  local authority = rest:match "^[^/?#\\]*"
  local at = authority:match "^.*()@"
  if at then return at end
  local port = authority:match "^[^:%[%]]*:(.*)$"
  if port and not port:match "^%d*[',;)%]}]*$" then return rest:match "^.*()@" end
end

local function hide_one(whole)
  local scheme, rest = whole:match "^(.-://)(.*)$"
  local at = user_end(rest)
  if at then rest = HIDDEN .. rest:sub(at) end
  return scheme .. rest:gsub("([?&#;])([^=&#;?]*)=([^&#;']*)", hide_parameter)
end

--- The text, with the user names, passwords and tokens of its URLs hidden.
---@param text string
---@return string
function urls.hide(text)
  if not text:find("://", 1, true) then return text end
  return (text:gsub(URL, hide_one))
end

--- A value that should have been a URL: the same where its scheme was forgotten.
---@param value string
---@return string
function urls.value(value)
  if value:find("://", 1, true) then return urls.hide(value) end
  if value:find "^sqlite:" then return value end
  return (value:gsub("^[^:]*:.*@", HIDDEN .. "@"))
end

--- An address without its user name and password, such as the value of HTTPS_PROXY, which may lack
--- the scheme. A password may hold any byte: the last "@" ends it.
---@param address string
---@return string
function urls.without_user(address)
  local scheme = address:match "^%a[%w+.%-]*://" or ""
  return scheme .. address:sub(#scheme + 1):gsub("^.*@", "")
end

return urls
