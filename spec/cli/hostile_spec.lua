-- A message that tries to control the terminal of the person who reads it. Every command that shows
-- a message, its subject, its attributes or its logs is run, and its output is searched: in a pipe,
-- in JSON, on standard error, in the log.

local cli = require "watchbot.cli"
local json = require "watchbot.lib.json"
local process = require "watchbot.process"
local workshop = require "support.workshop"

local task = workshop.task

local HOSTILE = table.concat {
  "start", "\27]0;owned\7", "\27P+q544e\27\\", "\27[6n", "\u{9B}6n", "\x9B6n", "\u{9D}0;x\u{9C}",
    "\u{202E}gpj.exe", "\u{2066}",
  "\u{2028}second line\u{2029}", "\u{FEFF}", "\u{61C}", "\xC0\x9B", "\xE0\x82\x9B", "\xE2\x80",
    "\8\8\8", "\127", "\5", "\14", "\r",
  "over", "\u{E0041}", "\u{200B}", "\u{2060}", "\u{AD}", "\u{3164}", "\u{206A}",
  "\u{1D173}", "\u{FFA0}", "o", ("\u{301}"):rep(100), "end",
}

-- Raw bytes that must not come out, each for itself.
local FORBIDDEN = {
  "[%z\1-\8\11-\26\28-\31\127]", "\27[^%[]", "\27%[[%d;?]*[^%d;?m]", "\194[\128-\159]",
    "\226\128[\142\143\168-\174]",
  "\226\129[\166-\169]", "\239\187\191", "\216\156", "\243\160[\128\129]",
  "\194\173", "\226\128\139", "\226\129[\160-\175]", "\227\133\164", "\240\157\133\179",
  "\239\190\160",
}

local function assert_harmless(bytes, what)
  for _, pattern in ipairs(FORBIDDEN) do
    local found = bytes:match(pattern)
    assert.is_nil(found, ("%s: %q in %q"):format(what, found or "", bytes))
  end
  assert.is_truthy(utf8.len(bytes), what .. ": not UTF-8: " .. ("%q"):format(bytes))
end

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- => stdout and stderr of the program, each
local function run(folder, ...)
  local exit, out, err = workshop.run(folder, { ... })
  return out, err, exit
end

-- A queue with a dead letter and one that waits, both hostile in all that a message has.
local function prepare(folder)
  local open_queue = require("watchbot.queue").open
  local queue = assert(open_queue(folder:url(), { max_receives = 1 }))
  local valid = require "watchbot.lib.text".clean(HOSTILE):gsub("[%z\1-\8\11\12\14-\31\127]", "")
  for _ = 1, 2 do
    assert(queue:send { { body = HOSTILE, subject = valid, group = nil, attributes = { tile = {
      type = "String", value = valid } } } })
  end
  queue:close()
  folder:write("policy.lua", ([[
local watchbot = require "watchbot"
local body = io.open(%q):read "a"
local policy = watchbot.policy { queue = %q, max_receives = 1, log = os.getenv "FORMAT",
  history = 3600,
  handler = function(job) return "retry", job.message end, env = { X = "1" } }
function policy:backoff() return 0 end
return policy
]]):format(folder:write("body", HOSTILE), folder:url()))
end

local function dead_letter(folder)
  local queue <close> = assert(require("watchbot.queue").open(folder:url()))
  return assert(queue:dead(1))[1].id
end

-- What a command is given so that it shows the message. Commands of AWS's are in their own specs.
local WALK = {
  ["dead-letter"] = { { "list" }, { "list", "--json" }, { "show" }, { "show", "--json" }, {
    "print" }, { "replay", "--dry-run" },
    { "delete", "--dry-run", "--limit", "1" } },
  status = { {}, { "--json" } },
  jobs = { {}, { "--json" }, { "show", "ID" }, { "show", "--json", "ID" } },
}

-- Commands that show nothing of a message that is on an embedded queue, and where else they are
-- looked at.
local ELSEWHERE = {
  logs = "spec/cli/logs_spec.lua", ["worker-capacity"] = "shows figures",
    listen = "the log of run", init = "no message",
  template = "no message", send = "below", run = "below", check = "below", test = "below",
    progress = "below", health = "no message",
  queue = "copies files, and shows counts", pause = "shows no message",
  resume = "shows no message",
  message = "writes the message of a task, byte for byte, to a program", move = "shows counts",
  schedule = "shows the policy's own messages", console = "spec/console", simulate = "no message",
  lua = "runs the user's own program",
}

describe("a hostile message", function()
  it("does nothing to who reads it, by any command", task(function(folder)
    for _, format in ipairs { "text", "json" } do
      prepare(folder)
      local exit, out, err = workshop.run(folder, { "run", "--drain", "policy.lua" }, {
        FORMAT = format })
      assert.are.equal(0, exit.code, err)
      assert.matches("retry", out)
      assert_harmless(out, "run, " .. format)
      assert_harmless(err, "run, " .. format)
    end
    for _, command in ipairs(cli.commands) do
      local name = command[1]
      assert.is_truthy(WALK[name] or ELSEWHERE[name], name .. " is walked nowhere")
      for _, words in ipairs(WALK[name] or {}) do
        local argv = { name }
        for _, word in ipairs(words) do
          argv[#argv + 1] = word == "ID" and dead_letter(folder) or word
        end
        table.move({ "--queue", folder:url() }, 1, 2, #argv + 1, argv)
        local out, err = run(folder, table.unpack(argv))
        local what = table.concat(argv, " ", 1, #argv - 2)
        assert.is_true(#out > 0, what .. ": " .. err)
        assert_harmless(out, what)
        assert_harmless(err, what)
      end
    end
  end))

  it("is the same message for who reads JSON", task(function(folder)
    prepare(folder)
    workshop.run(folder, { "run", "--drain", "policy.lua" })
    local out = run(folder, "dead-letter", "show", "--json", "--queue", folder:url())
    local shown = assert(json.decode(out))
    assert.are.equal(require "watchbot.lib.text".clean(HOSTILE), shown.message)
  end))

  it("does nothing by `test`, by what is said of arguments, nor by progress", task(function(folder)
    prepare(folder)
    local all = {
      { "test", "policy.lua", "--body-file", "body" }, { "test", "policy.lua", "--body-file",
        "body", "--json" },
      { "test", "policy.lua", "--message", "x", "--reason", (HOSTILE:gsub("%z", "")), "--exit",
        "1" },
      { (HOSTILE:gsub("%z", "")) }, { "help", HOSTILE }, { "send", "--" .. HOSTILE }, { "check",
        HOSTILE }, { "status", HOSTILE },
      { "run", HOSTILE }, { "run", "--queue", HOSTILE, "--", "true" }, { "send", "--queue",
        HOSTILE, "x" },
      { "progress", "set-total", HOSTILE, "--total", "2", "--queue", folder:url() },
      { "progress", "fail-job", "j", "--reason", HOSTILE, "--queue", folder:url() },
      { "progress", "set-metadata", "j", "--metadata", HOSTILE, "--queue", folder:url() },
      { "progress", "status", "j", "--queue", folder:url() }, { "template", HOSTILE }, { "init",
        "--mode", HOSTILE },
      { "dead-letter", HOSTILE, "--queue", folder:url() }, { "dead-letter", "show", "--id",
        HOSTILE, "--queue", folder:url() },
      { "dead-letter", "show", "--from", HOSTILE, "--queue", folder:url() }, { "send", "--from",
        HOSTILE, "--queue", folder:url() },
      { "send", "--attribute", HOSTILE, "--queue", folder:url(), "x" }, { "logs", "--since",
        HOSTILE },
      { "logs", "--log-group", HOSTILE }, { "worker-capacity", HOSTILE },
    }
    for _, argv in ipairs(all) do
      for index, word in ipairs(argv) do argv[index] = word:gsub("%z", "") end
      local words = {}
      for index, word in ipairs(argv) do words[index] = quoted(word) end
      local child = assert(process.start {
        argv = { workshop.program, table.unpack(argv) }, cwd = folder.path, output = "capture",
        env = setmetatable({ AWS_REGION = "eu-west-1", AWS_ENDPOINT_URL = "http://127.0.0.1:1",
          AWS_ACCESS_KEY_ID = "a",
          AWS_SECRET_ACCESS_KEY = "b", AWS_MAX_ATTEMPTS = "1" }, nil),
      })
      assert(child:wait(workshop.PATIENCE))
      local out, err = child:output()
      assert.is_true(#out + #err > 0 or argv[1] == "progress", table.concat(words, " "))
      assert_harmless(out, words[1] .. ", stdout")
      assert_harmless(err, words[1] .. ", stderr")
    end
  end))
end)
