--- address: where a server listens, as a policy says it: "127.0.0.1:9464", "[::1]:9464", or the
-- path of a Unix socket.

local address = {}

-- Bytes of a Unix socket's path: unix(7), sun_path without its end.
local LONGEST_PATH = 107

local EXPECTED = "expected an address and a port like '127.0.0.1:9464' or '[::1]:9464', or the "
  .. "absolute path of a Unix socket"

local function is_ipv4(host)
  local count = 0
  for part in host:gmatch "[^.]+" do
    if not part:find "^%d%d?%d?$" or tonumber(part) > 255 then return false end
    count = count + 1
  end
  return count == 4 and host:find "^%d[%d.]*%d$" ~= nil and not host:find("..", 1, true)
end

local function is_ipv6(host)
  return host:find "^[%x:.]+$" ~= nil and host:find ":.*:" ~= nil
end

local function of_port(host, port)
  port = math.tointeger(tonumber(port))
  if not port or port > 65535 then return nil, "the port must be a number from 0 to 65535" end
  return { address = host, port = port }
end

--- What an address means, as watchbot.server's options.
---@param text string
---@return { address: string, port: integer }|{ path: string }|nil options
---@return string? problem
function address.parse(text)
  local path = text:match "^unix:(/.*)$" or text:match "^/.*$"
  if path and (path:find "%z" or path:find "/$") then return nil, EXPECTED end
  if path and #path > LONGEST_PATH then
    return nil, ("the path of a Unix socket has at most %d bytes, this one %d"):format(
      LONGEST_PATH, #path)
  end
  if path then return { path = path } end
  local host, port = text:match "^%[(.+)%]:(%d+)$"
  if host and is_ipv6(host) then return of_port(host, port) end
  host, port = text:match "^([^:]+):(%d+)$"
  if host == "localhost" then host = "127.0.0.1" end
  if host and is_ipv4(host) then return of_port(host, port) end
  return nil, EXPECTED
end

--- Whether only this machine can reach it: a loopback address, or a Unix socket.
---@param options { address: string?, path: string? }
---@return boolean
function address.is_local(options)
  return options.path ~= nil or options.address == "::1" or options.address:find "^127%." ~= nil
end

--- An address as people write it.
---@param host string an address, or the path of a Unix socket
---@param port integer?
---@return string
function address.text(host, port)
  if not port then return host end
  return (host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(host, port)
end

return address
