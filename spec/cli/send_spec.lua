local workshop = require "support.workshop"

local task, run = workshop.task, workshop.run

local function messages_of(folder)
  local queue <close> =
    setmetatable({ queue = assert(require "watchbot.queue".open(folder:url())) }, {
    __close = function(self) self.queue:close() end,
  })
  local all = {}
  while true do
    local messages = assert(queue.queue:receive(10, 0, 100))
    if #messages == 0 then return all end
    for _, message in ipairs(messages) do all[#all + 1] = message end
  end
end

local function bodies_of(folder)
  local bodies = {}
  for index, message in ipairs(messages_of(folder)) do bodies[index] = message.body end
  return bodies
end

describe("watchbot send", function()
  it("sends its argument, with subject and attributes, and prints the id", task(function(folder)
    local exit, out =
      run(folder, { "send", "--queue", folder:url(), "--subject", "resize", "--attribute", "zoom=7",
      "--attribute", "empty=", "photo-1.jpg" })
    assert.are.equal(0, exit.code)
    local message = messages_of(folder)[1]
    assert.are.equal(message.id .. "\n", out)
    assert.are.equal("photo-1.jpg", message.body)
    assert.are.equal("resize", message.subject)
    assert.are.equal("7", message.attributes.zoom.value)
    assert.are.equal("", message.attributes.empty.value)
  end))

  it("sends each line of its input: empty ones too, and a last one without a newline",
    task(function(folder)
    local exit, out = run(folder, { "send", "--queue", folder:url() }, { stdin = "a\n\nb\0c\nd" })
    assert.are.equal(0, exit.code)
    assert.are.equal(4, select(2, out:gsub("\n", "\n")))
    assert.are.same({ "a", "", "b\0c", "d" }, bodies_of(folder))
  end))

  -- A line of 131 KB once took minutes: a pattern was tried at each of its bytes, again and again.
  it("takes lines of any length in time that grows with their length only", task(function(folder)
    local long = ("x"):rep(1000000)
    local exit = run(folder, { "send", "--queue", folder:url() }, { stdin = long .. "\nshort\n" })
    assert.are.equal(0, exit.code)
    local bodies = bodies_of(folder)
    assert.is_true(bodies[1] == long)
    assert.are.equal("short", bodies[2])
  end))

  it("sends a line when it is there, not when the input ends", task(function(folder)
    local process = require "watchbot.process"
    local child = assert(process.start {
      command = ("(echo first; while [ ! -e go ]; do sleep 0.02; done; echo second) | '%s' send "
        .. "--queue %s"):format(
        workshop.program, folder:url()), cwd = folder.path, output = "capture",
    })
    workshop.eventually(function() return child:output():find "\n" end, "the first id is printed")
    folder:write("go", "")
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
    assert.are.equal(2, select(2, child:output():gsub("\n", "\n")))
  end))

  it("delays, groups and drops duplicates", task(function(folder)
    run(folder, {
      "send", "--queue", folder:url(), "--group", "g", "--deduplication-id", "d", "one",
    })
    run(folder, {
      "send", "--queue", folder:url(), "--group", "g", "--deduplication-id", "d", "two",
    })
    run(folder, { "send", "--queue", folder:url(), "--delay", "3600", "later" })
    local messages = messages_of(folder)
    assert.are.equal(1, #messages)
    assert.are.equal("one", messages[1].body)
    assert.are.equal("g", messages[1].group)
  end))

  it("takes a message that looks like an option behind --", task(function(folder)
    assert.are.equal(0, run(folder, { "send", "--queue", folder:url(), "--", "--fast" }).code)
    assert.are.same({ "--fast" }, bodies_of(folder))
  end))

  it("refuses what makes no sense, with one line and status 2", task(function(folder)
    for words, arguments in pairs {
      ["no queue"] = { "send", "x" },
      ["expected one message, got 'two words'"] = {
        "send", "--queue", folder:url(), "two", "words",
      },
      ["expected NAME=VALUE, got 'zoom'"] = {
        "send", "--queue", folder:url(), "--attribute", "zoom", "x",
      },
      ["--delay: expected a duration above 0 (90s, 15m, 1h, 2d), got '-1'"] = {
        "send", "--queue", folder:url(), "--delay", "-1", "x",
      },
      ["sqlite:"] = { "send", "--queue", "jobs.db", "x" },
      ["is not a topic"] = { "send", "--topic", "arn:aws:sqs:x", "x" },
      ["not both"] = { "send", "--topic", "t", "--queue", "q", "x" },
    } do
      local exit, _, problem = run(folder, arguments, { QueueUrl = false, WorkTopic = false })
      assert.are.equal(2, exit.code, problem)
      assert.is_truthy(problem:find(words, 1, true), problem)
      assert.are.equal(1, select(2, problem:gsub("\n", "\n")), problem)
    end
  end))

  -- Of ten thousand lines, those after an empty one were not sent, silently.
  it("sends every line but those that are refused, which it names", task(function(folder)
    local lines, big = {}, ("x"):rep(1024 * 1024 + 1)
    for index = 1, 3000 do
      lines[index] = (index == 51 or index == 2000) and big or "line " .. index
    end
    local exit, out, problem =
      run(folder, { "send", "--queue", folder:url() }, { stdin = table.concat(lines, "\n") })
    assert.are.equal(1, exit.code)
    assert.are.equal(2998, select(2, out:gsub("\n", "\n")))
    assert.matches("send: line 51: a message may have 1048576 bytes", problem)
    assert.matches("send: line 2000: a message may have", problem)
    assert.matches("send: 2998 sent, 2 refused", problem)
    assert.are.equal(2998, #bodies_of(folder))
  end))

  -- Later lines vanished as duplicates of the first; "" was a separate group.
  it("refuses ids that are empty, or one for many lines", task(function(folder)
    for words, arguments in pairs {
      ["--deduplication-id is for one message"] = { "--deduplication-id", "x" },
      -- The last of them was sent, silently.
      ["--attribute: 'a' is given twice"] = { "--attribute", "a=1", "--attribute", "a=2", "one" },
      ["--deduplication-id: expected a value"] = { "--deduplication-id", "", "one" },
      ["--group: expected a value"] = { "--group", "", "one" },
    } do
      local exit, out, problem =
        run(folder, { "send", "--queue", folder:url(), table.unpack(arguments) },
        { stdin = "a\nb\n" })
      assert.are.same({ 2, "" }, { exit.code, out })
      assert.is_truthy(problem:find(words, 1, true), problem)
    end
  end))

  it("refuses a message that is too big, and says so", task(function(folder)
    local exit, _, problem =
      run(folder, { "send", "--queue", folder:url() },
      { stdin = ("x"):rep(1024 * 1024 + 1) .. "\n" })
    assert.are.equal(1, exit.code)
    assert.matches("1048576", problem)
    assert.are.same({}, bodies_of(folder))
  end))
end)

describe("watchbot check", function()
  it("prints what a policy would do, and runs nothing", task(function(folder)
    folder:write("policy.lua", [[
local watchbot = require "watchbot"
local policy = watchbot.policy { queue = "sqlite:jobs.db",
  command = { "./resize", "--fast" }, workers = 4,
  exits = { [75] = "release", KILL = "reject" } }
function policy:backoff() return 1 end
return policy]])
    local exit, out = run(folder, { "check", "policy.lua" })
    assert.are.equal(0, exit.code)
    for _, words in ipairs { "policy.lua is fine", "queue +sqlite:jobs.db",
    "each message +%./resize %-%-fast", "workers +4",
      "exit 0 +complete", "exit 3 +reject", "exit 4 +release", "exit 75 +release",
      "exit KILL +reject", "any other +retry",
      "hooks +backoff" } do
      assert.matches(words, out)
    end
    assert.is_nil(io.open(folder:file "jobs.db"))
  end))

  it("says what is wrong with it", task(function(folder)
    folder:write("policy.lua",
      "return require 'watchbot'.policy {\n  queue = 'sqlite:x',\n  comand = 'true' }")
    local exit, out, problem = run(folder, { "check", "policy.lua" })
    assert.are.equal("", out)
    assert.are.equal(2, exit.code)
    assert.are.equal("watchbot: policy.lua:3: unknown policy field 'comand'; did you mean "
      .. "'command'? (see watchbot check --fields)\n", problem)
    -- Without a policy it looks at the machine, of which something may be wrong.
    exit, out, problem = run(folder, { "check" })
    assert.is_true(exit.code <= 1, problem)
    assert.matches("Max open files", out)
  end))

  it("lists the fields", task(function(folder)
    local _, out = run(folder, { "check", "--fields" })
    assert.matches("workers %(default 1%), %$Concurrency\n    tasks at once", out)
  end))
end)
