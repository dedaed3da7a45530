--- Whatever a server sends ends as a response whose parts have their types, or as an error whose
--- code is a known one; never later than the time allows, and never with more than the limit.

local http = require "watchbot.http"
local scheduler = require "watchbot.scheduler"

local CODES = {
  Timeout = true, ConnectionLost = true, Truncated = true, TooLarge = true, BadResponse = true,
  NoMemory = true,
}

local LIMIT = 1024

local function check_response(response)
  assert(math.type(response.status) == "integer" and #response.body <= LIMIT)
  for name, value in pairs(response.headers) do
    assert(type(name) == "string" and type(value) == "string")
    assert(not name:find "%u" and not value:find "\n")
  end
end

return function()
  scheduler.run(function()
    local response, err, code = http.request {
      url = "http://fuzz.invalid/", method = "POST", body = "x", timeout = 5, limit = LIMIT,
      direct = true,
    }
    if response then return check_response(response) end
    assert(CODES[code] or http.unsent[code], code)
    assert(type(err) == "string" and err:find("http://fuzz.invalid", 1, true))
  end)
end
