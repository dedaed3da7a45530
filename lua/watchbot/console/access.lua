--- console.access: who may see the console, and who may change something.
-- A secret token in the URL that is printed opens it, and is replaced by a cookie. The names in
-- Host and Origin are checked, since a page of another site can make its own host name resolve to
-- this machine (DNS rebinding), or post a form here. Both keep out pages that the user's browser
-- has open; the token keeps out everyone else.

local core = require "watchbot.core".aws

-- A token that the user has chosen must not be guessed.
local SHORTEST = 20

---@class watchbot.ConsoleAccess
---@field token string of the URL
---@field session string of the cookie
---@field stamp string of every form
local Access = {}
Access.__index = Access

local access = {}

-- 244 random bits from the system's generator.
local function secret()
  return core.sha256(core.uuid() .. core.uuid())
end

-- Takes as long whether they differ early or late.
local function same(given, expected)
  if type(given) ~= "string" or #given ~= #expected then return false end
  local difference = 0
  for index = 1, #expected do
    difference = difference | (given:byte(index) ~ expected:byte(index))
  end
  return difference == 0
end

local LOOPBACK = { "localhost", "127.0.0.1", "[::1]" }

---@class watchbot.ConsoleAccessOptions
---@field hosts string[]? further names, besides those of this machine itself
---@field token string? default: a random one
---@field port integer? nil: a Unix socket
---@field path string? of the console, default "/"

---@param options watchbot.ConsoleAccessOptions
---@return watchbot.ConsoleAccess?
---@return string? err
function access.new(options)
  if options.token and (#options.token < SHORTEST or options.token:find "[^%w%-._~]") then
    return nil, ("the console's token must have at least %d letters, digits, '-', '.', '_' and "
      .. "'~'"):format(SHORTEST)
  end
  local names = {}
  for _, name in ipairs(LOOPBACK) do names[name] = true end
  for _, name in ipairs(options.hosts or {}) do names[name:lower()] = true end
  return setmetatable({
    names = names, token = options.token or secret(), session = secret(), stamp = secret(),
    cookie = ("watchbot_%s"):format(options.port or "socket"), path = options.path or "/",
  }, Access)
end

-- "localhost:8090" => "localhost"; nil if it is no name with an optional port.
local function name_of(host)
  return host:match "^(%[[%x:.]+%])$" or host:match "^(%[[%x:.]+%]):%d+$"
    or host:match "^([%w.%-]+)$" or host:match "^([%w.%-]+):%d+$"
end

--- Whether the request was meant for this console. Any port is accepted, since a tunnel has its
--- own.
---@param request watchbot.ServerRequest
---@return boolean
function Access:is_host(request)
  local name = name_of((request:header "Host" or ""):lower())
  return name ~= nil and self.names[name] == true
end

-- Of a page of this console, perhaps behind a proxy that speaks TLS.
local function is_own_origin(request, origin)
  local host = origin:lower():match "^https?://([^/]+)$"
  return host ~= nil and host == (request:header "Host" or ""):lower()
end

--- Whether the request comes from a page of another site. Browsers send Origin with each POST.
---@param request watchbot.ServerRequest
---@return boolean
function Access:is_foreign(request)
  local origin = request:header "Origin"
  if origin then return not is_own_origin(request, origin) end
  return request:method() == "POST"
end

--- Whether the browser has the cookie. There may be several of one name, of other paths.
---@param request watchbot.ServerRequest
---@return boolean
function Access:is_known(request)
  local known = false
  for name, value in (request:header "Cookie" or ""):gmatch "([^;=%s]+)=([^;%s]*)" do
    if name == self.cookie and same(value, self.session) then known = true end
  end
  return known
end

--- Whether a text is the token.
---@param given string?
---@return boolean
function Access:is_token(given)
  return same(given, self.token)
end

--- Whether a form is one of this console's pages.
---@param given string?
---@return boolean
function Access:is_stamp(given)
  return same(given, self.stamp)
end

--- The header that sets the cookie. It has no port, so that other servers of this host name get it,
--- too: the command refuses connections of other users.
---@return string
function Access:cookie_header()
  return ("%s=%s; Path=%s; HttpOnly; SameSite=Strict"):format(self.cookie, self.session, self.path)
end

return access
