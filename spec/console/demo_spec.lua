-- `make demo CONSOLE=1`: a stranger is shown the address of a console that works, and nothing is
-- left behind.

local http = require "watchbot.http"
local process = require "watchbot.process"
local workshop = require "support.workshop"

describe("the demo", function()
  it("prints the address of a console, which runs until it is interrupted",
    workshop.task(function(folder)
    local env = process.environment()
    env.CONSOLE, env.TMPDIR, env.ConsoleToken = "1", folder.path, nil
    local child = assert(process.start {
      argv = { "doc/examples/thumbnails/demo", workshop.build }, env = env, output = "capture",
    })
    local url = workshop.eventually(function()
      return child:output():match "\n(http://127[^\n]+token=%x+)\n"
    end, "the address")
    local entered = assert(http.request { url = url, direct = true })
    local page = assert(http.request {
      url = url:match "^http://[^/]+" .. "/dead-letters", direct = true,
      headers = { Cookie = entered.headers["set-cookie"]:match "^[^;]+" },
    })
    assert.matches("broken.gif", page.body, 1, true)
    assert.matches("last exit code 1", page.body, 1, true)
    child:kill "TERM"
    assert(child:wait(workshop.PATIENCE))
    local pipe <close> = assert(io.popen(("ls '%s'"):format(folder.path)))
    assert.are.equal("", pipe:read "a")
  end))
end)
