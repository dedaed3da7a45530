--- server: a helper program that a spec talks to over HTTP. It prints its port on the first line
-- and ends when its standard input does, so that it cannot outlive the spec, however that ends.

local server = {}

local methods = {}
methods.__index = methods

local function quote(word) return "'" .. tostring(word):gsub("'", [['\'']]) .. "'" end

--- Starts the program and returns when it listens.
---@param ... string its words
---@return { port: integer, url: string, close: fun(self) }
function server.start(...)
  local words = {}
  for index, word in ipairs { ... } do words[index] = quote(word) end
  local fifo = os.tmpname()
  assert(os.execute(("rm %s && mkfifo %s"):format(quote(fifo), quote(fifo))))
  local input = assert(io.popen(("exec %s >%s"):format(table.concat(words, " "), quote(fifo)), "w"))
  local output = assert(io.open(fifo))
  local port = output:read "n"
  output:close()
  os.remove(fifo)
  assert(port, "the server did not start: " .. words[2])
  return setmetatable({ port = port, url = "http://127.0.0.1:" .. port, input = input }, methods)
end

--- Ends the program and waits for its end.
function methods:close()
  if self.input then self.input:close() end
  self.input = nil
end

return server
