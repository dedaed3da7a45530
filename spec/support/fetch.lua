-- fetch URL [METHOD]: one request in a separate process, for specs that depend on the environment.
-- Prints the status and the body, or the code and the error. `fetch --leave URL` exits during the
-- request.
package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = (os.getenv "WATCHBOT_BUILD" or "build") .. "/lib/?.so;" .. package.cpath

local http = require "watchbot.http"
local scheduler = require "watchbot.scheduler"

local leave = arg[1] == "--leave"

scheduler.run(function()
  if leave then
    for _ = 1, 3 do scheduler.spawn(http.request, { url = arg[2] }) end
    return scheduler.sleep(0.05)
  end
  local response, err, code = http.request { url = arg[1], direct = arg[2] == "direct" }
  if response then
    print(response.status, response.body)
  else
    print(code, err)
  end
end)
