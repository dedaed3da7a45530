--- console: the console as a program for specs, and a browser of few words that visits it: it keeps
-- the cookie, and reads the stamp of forms.

local http = require "watchbot.http"
local process = require "watchbot.process"
local workshop = require "support.workshop"

local console = {}

local Visitor = {}
Visitor.__index = Visitor

--- Starts `watchbot console` in a folder; ends it with the variable.
---@param folder table
---@param arguments string[]?
---@param more table<string, string|false>? variables
---@param queue string? its URL; default: the folder's
---@return table visitor not let in yet; `url` has the token
function console.start(folder, arguments, more, queue)
  local child = workshop.start(folder, {
    "console", "--listen", "127.0.0.1:0", "--queue", queue or folder:url(),
    table.unpack(arguments or {}),
  }, more)
  local self = setmetatable({ child = child, headers = {} }, Visitor)
  self.url = workshop.eventually(function() return child:output():match "^(http%S+)\n" end,
    "the console's address")
  self.origin, self.token = self.url:match "^(http://[^/]+)/.*token=(.+)$"
  self.port = self.origin:match "%d+$"
  return self
end

--- One request; `more` has headers, a method, a body.
function Visitor:ask(path, more)
  local headers = {}
  for name, value in pairs(self.headers) do headers[name] = value end
  for name, value in pairs(more and more.headers or {}) do headers[name] = value or nil end
  local response = assert(http.request {
    url = self.origin .. path, method = more and more.method, body = more and more.body,
    headers = headers, direct = true,
  })
  self.stamp = response.body:match 'name="stamp" value="(%x+)"' or self.stamp
  return response
end

--- Opens the address with the token, and keeps the cookie.
function Visitor:enter()
  local response = self:ask("/?token=" .. self.token)
  assert(response.status == 200, response.status .. response.body)
  self.headers.Cookie = response.headers["set-cookie"]:match "^[^;]+"
  return self
end

--- A page as text.
function Visitor:page(path)
  local response = self:ask(path)
  assert(response.status == 200, path .. ": " .. response.status .. response.body)
  return response.body
end

local function encode(value)
  return (tostring(value):gsub("[^%w]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

--- Sends a form, with the stamp of the pages before it unless it has another.
---@param path string
---@param fields table<string, any> a list: several values
---@param headers table<string, string|false>? over those of a browser
function Visitor:post(path, fields, headers)
  if not self.stamp then self:page "/dead-letters" end
  local pairs_of, all = {}, { stamp = self.stamp }
  for name, value in pairs(fields) do all[name] = value end
  for name, value in pairs(all) do
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      pairs_of[#pairs_of + 1] = name .. "=" .. encode(one)
    end
  end
  local sent = { Origin = self.origin, ["Content-Type"] = "application/x-www-form-urlencoded" }
  for name, value in pairs(headers or {}) do sent[name] = value end
  return self:ask(path, {
    method = "POST", headers = sent, body = table.concat(pairs_of, "&"),
  })
end

--- Bytes as no browser sends them: see spec/support/raw_http.py. => the responses
---@param cases any[][]
---@return string[]
function Visitor:raw(cases)
  local json = require "watchbot.lib.json"
  local child = assert(process.start {
    argv = { "python3", "spec/support/raw_http.py", self.port }, env = process.environment(),
    stdin = json.encode(cases, "bytes"), output = "capture", limit = 64 << 20,
  })
  local exit = assert(child:wait(workshop.PATIENCE))
  local out, problem = child:output()
  assert(exit.code == 0, problem)
  return json.decode(out)
end

function Visitor:close()
  self.child:kill "TERM"
  return assert(self.child:wait(workshop.PATIENCE), "the console did not end")
end

Visitor.__close = Visitor.close

--- Dead letters in a queue, one of each body: they are received once and fail.
function console.kill(folder, bodies, ...)
  workshop.send(folder, bodies, ...)
  folder:write("kill.lua", ([[
return require "watchbot".policy { queue = %q, max_receives = 1, workers = 10, log_messages = false,
  handler = function() error "no" end, backoff = function() return 0 end }]]):format(folder:url()))
  local exit, out, problem = workshop.run(folder, { "run", "--drain", "kill.lua" })
  assert(exit.code == 0, out .. problem)
end

return console
