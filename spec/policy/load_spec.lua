-- Policy files as editors and people write them.

local workshop = require "support.workshop"

local task = workshop.task

local POLICY = 'local watchbot = require "watchbot"\nreturn watchbot.policy { queue = '
  .. '"sqlite:j.db", command = "true" }\n'

local function check(folder, text, more)
  folder:write("policy.lua", "")
  local file <close> = assert(io.open(folder:file "policy.lua", "wb"))
  file:write(text)
  file:close()
  local exit, out, err = workshop.run(folder, { "check", "policy.lua" }, more)
  return exit.code, out .. err
end

describe("a policy file", function()
  it("may begin with #! or a byte order mark, and have CRLF", task(function(folder)
    for _, text in ipairs {
      "#!/usr/bin/env watchbot\n" .. POLICY, "\u{FEFF}" .. POLICY, "\u{FEFF}#!/bin/sh\r\n"
      .. POLICY:gsub("\n", "\r\n"),
    } do
      local status, said = check(folder, text)
      assert.are.equal(0, status, said)
    end
    assert.matches("policy.lua:2: ", select(2, check(folder, "#!/bin/sh\nlocal = 1\n")))
  end))

  -- A policy that raised a table was reported as "table: 0x55...".
  it("that raises anything is told with file and line", task(function(folder)
    for text, words in pairs {
      ["\n\nerror({})"] = "policy.lua:3: raised a table",
        ["\nerror({ message = 'no region' })"] = "policy.lua:2: raised a table: no region",
      ["error(nil)"] = "policy.lua:1: raised a nil",
        ["local function f() error(false) end\nf()"] = "policy.lua:1: raised a boolean",
      ["\ncoroutine.yield(1)"] = "policy.lua:2: coroutine.yield at the top",
      ["error 'plain'"] = "policy.lua:1: plain",
      ["\nerror(setmetatable({}, { __tostring = function() return 'an object' end }))"] =
        "an object",
    } do
      local status, said = check(folder, text)
      assert.are.equal(2, status, said)
      assert.matches(words, said)
    end
  end))

  -- Its own modules were not found: these characters cannot be escaped in package.path.
  it("may be in a folder with any name", task(function(folder)
    for _, name in ipairs { "a?b", "a;b", "?", "a%b", "a b;?.lua" } do
      os.execute(("mkdir -p '%s/%s/sub'"):format(folder.path, name))
      folder:write(name .. "/helper.lua", "return 7")
      folder:write(name .. "/sub/init.lua", "return 'true'")
      folder:write(name .. "/bad.lua", "this is no Lua")
      folder:write(name .. "/policy.lua", [[return require "watchbot".policy {
        queue = "sqlite:j.db", workers = require "helper", command = require "sub" }]])
      local exit, out, err = workshop.run(folder, { "check", name .. "/policy.lua" })
      assert.are.equal(0, exit.code, err)
      assert.matches("workers +7\n", out)
      folder:write(name .. "/policy.lua", 'require "bad"')
      exit, _, err = workshop.run(folder, { "check", name .. "/policy.lua" })
      assert.are.equal(2, exit.code)
      assert.matches("bad.lua:1: syntax error", err)
      folder:write(name .. "/policy.lua", 'require "missing"')
      assert.matches("'missing' not found", select(3, workshop.run(folder, { "check",
        name .. "/policy.lua" })))
    end
  end))

  it("may use coroutines of its own, and wait", task(function(folder)
    local status, said = check(folder, [[
local next_one = coroutine.wrap(function() coroutine.yield "true" end)
local command = next_one()
require "watchbot".scheduler.sleep(0.01)
return require "watchbot".policy { queue = "sqlite:j.db", command = command }]])
    assert.are.equal(0, status, said)
  end))

  -- A database's password stood in the log of every build that ran `watchbot check`.
  it("shows the names of its variables only", task(function(folder)
    local policy = POLICY:gsub("command", 'env = { DB_PASSWORD = "s3cret", A = "b4d" }, command')
    local status, said = check(folder, policy)
    assert.are.equal(0, status, said)
    assert.matches("env +A DB_PASSWORD\n", said)
    local _, out, err = workshop.run(folder, { "test", "policy.lua", "--message", "x" })
    local _, json_out = workshop.run(folder, { "test", "policy.lua", "--message", "x", "--json" })
    local ecs = policy:gsub('command = "true"',
      'task = { cluster = "c", definition = "d:1", container = "w" }')
    folder:write("ecs.lua", ecs)
    local _, ecs_out, ecs_err = workshop.run(folder, { "test", "ecs.lua", "--message", "x",
      "--json" })
    for _, printed in ipairs { said, out .. err, json_out, ecs_out .. ecs_err } do
      assert.is_nil(printed:find("s3cret", 1, true), printed)
      assert.is_nil(printed:find("b4d", 1, true), printed)
    end
    assert.matches("DB_PASSWORD=%(hidden%)", out)
  end))

  it("says what a rejected message leaves behind where no topic is set", task(function(folder)
    assert.matches("reject +no topic is set: a rejected message is deleted", select(2, check(folder,
      POLICY)))
    assert.is_nil(select(2, check(folder, (POLICY:gsub("command",
      'topic = "arn:aws:sns:eu-west-1:1:t", command'))))
      :find("no topic", 1, true))
  end))

  -- Two kilobytes of every message, addresses and all, stood in the log.
  it("chooses how much of each message the log shows", task(function(folder)
    for value, shown in pairs { ["false"] = false, ["4"] = "priv", ["0"] = "",
      ["2048"] = "private words" } do
      workshop.send(folder, { "private words" }, "--subject", "private subject")
      folder:write("policy.lua",
        ('return require "watchbot".policy { queue = %q, command = "true", log_messages = %s }')
        :format(folder:url(), value))
      local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
      assert.are.equal(0, exit.code, log)
      assert.are.equal(shown or nil, log:match '"message":"(.-)"')
      if value == "false" then assert.is_nil(log:find "private") end
    end
    assert.matches("expected false, or a number of bytes",
      select(2, check(folder, (POLICY:gsub("command", "log_messages = -1, command")))))
  end))

  it("of a new project is not written through a link, and its folder is quoted",
    task(function(folder)
    os.execute(("cd %s && mkdir p && ln -s ../outside p/policy.lua"):format(folder.path))
    local exit, _, err = workshop.run(folder, { "init", "p" })
    assert.are.equal(1, exit.code)
    assert.matches("nothing was written", err)
    assert.is_nil(io.open(folder:file "outside"))
    exit, _, err = workshop.run(folder, { "init", "my tiles" })
    assert.are.equal(0, exit.code)
    assert.matches("\n  cd 'my tiles'\n", err)
  end))
end)
