-- The worker against a real web server, from the message to its outcome.
local server = require "support.server"
local shell = require "support.shell"
local testing = require "watchbot.testing"
local workshop = require "support.workshop"

local HERE = "doc/examples/python/"

describe("the example python", function()
  local web

  setup(function() web = server.start("python3", "spec/support/http_server.py", "127.0.0.1") end)
  teardown(function() web:close() end)

  local function work(environment)
    return shell.run(("env %s %sworker.py 2>&1"):format(environment, HERE))
  end

  it("ends with an exit code for each kind of answer", function()
    for url, code in pairs {
      [web.url .. "/status/200"] = 0, [web.url .. "/status/404"] = 1,
        [web.url .. "/status/503"] = 75,
      ["http://127.0.0.1:1/"] = 1, ["ftp://example.com"] = 3, ["-"] = 3,
    } do
      local out, status = work("Message=" .. shell.quote(url))
      assert.are.equal(code, status, url .. ": " .. out)
    end
  end)

  it("reads a long message from its file", function()
    local folder = shell.folder()
    shell.write(folder .. "/message", web.url .. "/echo?" .. ("x"):rep(1000) .. "\n")
    assert.are.equal(0, select(2, work("MessageFile=" .. folder .. "/message")))
    shell.remove(folder)
  end)

  it("releases what is only busy", function()
    local w <close> = testing.watch(HERE .. "policy.lua")
    w:message(web.url)
    assert.are.same({ "./worker.py" }, w:command())
    assert.are.equal("release", w:exits(75))
    assert.are.same({}, w:notifications())
  end)

  it("runs", workshop.task(function(folder)
    assert(os.execute(("cp %s* %s"):format(HERE, shell.quote(folder.path))))
    local environment = { QueueUrl = false }
    workshop.run(folder, { "send", "--queue", "sqlite:links.db", web.url .. "/status/200" },
      environment)
    local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" }, environment)
    assert.are.equal(0, exit.code, log)
    assert.matches("/status/200 answers 200\n", log)
    assert.matches('"complete":1', log)
  end))
end)
