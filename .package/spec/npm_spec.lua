-- The npm packages, installed from their tarballs in an empty folder.

local shell = require "support.shell"

describe("the npm packages", function()
  local folder

  setup(function()
    folder = shell.folder()
    local line = "cd %s && npm install --silent --offline --no-audit --no-fund "
      .. "%s/build/npm/*.tgz 2>&1"
    local files = shell.run("ls build/npm/watchbot-cli-*.tgz build/npm/watchbot-linux-x64-*.tgz")
    local out, code = shell.run(line:gsub("%%s/build/npm/%*%.tgz", (files:gsub("(%S+)%s",
      shell.root .. "/%1 "))):format(folder))
    assert.are.equal(0, code, out)
  end)
  teardown(function() shell.remove(folder) end)

  local function watchbot(arguments)
    return shell.run(("cd %s && timeout 60 ./node_modules/.bin/watchbot %s 2>&1"):format(folder,
      arguments))
  end

  it("run a message", function()
    local _, sent = watchbot "send --queue sqlite:jobs.db hello"
    assert.are.equal(0, sent)
    local out, code = watchbot "run --drain --queue sqlite:jobs.db -- sh -c 'exit 3'"
    assert.are.equal(0, code, out)
    assert.matches('"reject":1', out, 1, true)
  end)

  it("hand on the exit status", function()
    assert.are.equal(2, (select(2, watchbot "no-such-command")))
  end)

  it("hand on SIGTERM", function()
    local out, code = shell.run(([[cd %s
      ./node_modules/.bin/watchbot run --queue sqlite:jobs.db -- true > log 2>&1 &
      until grep -qs watching log; do sleep 0.1; done
      kill -TERM $!; wait $!; code=$?; cat log; exit $code]]):format(folder))
    assert.are.equal(0, code, out)
    assert.matches('"event":"stopped"', out, 1, true)
  end)
end)
