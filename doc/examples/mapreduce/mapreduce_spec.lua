-- The example doc/examples/mapreduce from its first message to its result, and with a worker that
-- dies at the worst moment.

local cloud = require "support.cloud"
local scheduler = require "watchbot.scheduler"
local shell = require "support.shell"
local workshop = require "support.workshop"

-- Wraps the program: the first time that a part learns that it was the last one, the worker is
-- killed before it reads the answer.
local DEADLY = [[#!/bin/sh
answer=$(%s "$@") || exit
[ -z "$answer" ] || printf '%%s\n' "$answer"
[ "$answer" = true ] && mkdir killed 2>/dev/null && kill -9 $PPID
exit 0
]]

local LINES = 12

-- A folder with the example and a text of 3 words a line; the environment of its watcher.
local function prepare(folder, deadly)
  assert(os.execute(("cp -r doc/examples/mapreduce/. %s"):format(shell.quote(folder.path))))
  folder:write("text", ("one two three\n"):rep(LINES))
  local path = workshop.build
  if deadly then
    assert(os.execute(("mkdir %s"):format(shell.quote(folder:file "bin"))))
    folder:write("bin/watchbot", DEADLY:format(shell.quote(workshop.program)))
    path = folder:file "bin" .. ":" .. path
  end
  return {
    PATH = path .. ":"
    .. os.getenv "PATH", QueueUrl = false, ProgressTable = false, WorkTopic = false,
  }
end

-- How many messages of a kind the log says were done.
local function count(log, subject)
  return select(2, log:gsub(('"subject":"%s"'):format(subject), ""))
end

describe("the example mapreduce on the embedded queue", function()
  for _, deadly in ipairs { false, true } do
    it("reduces once what its parts have counted"
      .. (deadly and ", when the last part's worker is killed too" or ""),
      workshop.task(function(folder)
        local environment = prepare(folder, deadly)
        workshop.run(folder, { "send", "--queue", "sqlite:words.db", "--subject", "split", "text" },
          environment)
        local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" }, environment)
        assert.are.equal(0, exit.code)
        assert.are.equal(3 * LINES .. "\n", folder:read "words", log)
        assert.are.equal(1, count(log, "split"))
        assert.are.equal(LINES + (deadly and 1 or 0), count(log, "map"), log)
        assert.are.equal(1, count(log, "reduce"))
      end))
  end
end)

describe("the example mapreduce on AWS", function()
  local account

  setup(function()
    account = cloud.start()
    scheduler.run(account.open, account)
  end)
  teardown(function() account:close() end)

  -- The keys are in a file, as tasks do not inherit them.
  local function services(folder, environment)
    environment.QueueUrl = account:queue { visibility = 120 }
    environment.WorkTopic = account:topic { { url = environment.QueueUrl } }
    environment.ProgressTable = account:table()
    local keys = ("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n")
      :format(account.keys.access_key, account.keys.secret_key)
    for name, value in pairs(account:environment()) do
      if environment[name] == nil then environment[name] = value end
    end
    environment.AWS_ACCESS_KEY_ID, environment.AWS_SECRET_ACCESS_KEY = false, false
    environment.AWS_SHARED_CREDENTIALS_FILE = folder:write("credentials", keys)
    return environment
  end

  it("sends its messages through the topic and reduces once", workshop.task(function(folder)
    local environment = services(folder, prepare(folder, true))
    local exit, _, problem = workshop.run(folder, {
      "send", "--topic", environment.WorkTopic, "--subject", "split", "text",
    },
      environment)
    assert.are.equal(0, exit.code, problem)
    local watcher = workshop.start(folder, { "run", "policy.lua" }, environment)
    workshop.eventually(function()
      return folder:read "words" ~= "" and account:count(environment.QueueUrl) == 0
    end,
      "the words are counted and the queue is empty")
    watcher:kill "TERM"
    assert.are.equal(0, watcher:wait(workshop.PATIENCE).code)
    local log = watcher:output()
    assert.are.equal(3 * LINES .. "\n", folder:read "words", log)
    assert.are.equal(1, count(log, "reduce"), log)
    assert.is_true(count(log, "map") >= LINES + 1, log)
  end))
end)
