local shell = require "support.shell"
local workshop = require "support.workshop"

local task, run = workshop.task, workshop.run

local FILES = {
  "policy.lua", "worker", "spec/policy_spec.lua", "stack.lua", "Dockerfile", "README.md",
  ".gitignore", ".luarc.json",
}

local function init(folder, ...)
  local exit, out, problem = run(folder, { "init", ... })
  assert.are.equal(0, exit.code, problem)
  return out
end

-- A folder within another one, for what the program runs there.
local function inside(folder, name)
  return setmetatable({ path = folder:file(name) }, getmetatable(folder))
end

-- The project of a function runs with the specs' stand-in for its runtime client, or with Node's
-- own where `make test-ric` has built it.
for language, name in pairs { python = "app.py", node = "index.mjs" } do
  describe("watchbot init --lambda " .. language, function()
    it("makes a project whose policy, function and spec work", task(function(folder)
      local out = init(folder, "--lambda", language, "tiles")
      for _, file in ipairs { "policy.lua", name, "spec/policy_spec.lua", "stack.lua",
        "Dockerfile", "README.md", ".gitignore", ".luarc.json" } do
        assert.matches("tiles/" .. file:gsub("%p", "%%%0") .. "\n", out)
        assert.is_nil(folder:read("tiles/" .. file):find "@%u+@", file)
      end
      local tiles = inside(folder, "tiles")
      local exit, text, problem = run(tiles, { "check", "policy.lua" })
      assert.are.equal(0, exit.code, problem)
      assert.matches(language == "python" and "app.handler" or "index.handler", text)
      local said, code = shell.run(("cd %s && %s 2>&1"):format(shell.quote(folder:file "tiles"),
        shell.lua "/usr/bin/busted"))
      assert.are.equal(0, code, said)
      assert.matches("3 successes / 0 failures / 0 errors", said)
    end))
  end)
end

describe("watchbot init", function()
  it("tells editors where the definitions are, and what specs have", task(function(folder)
    init(folder, "tiles")
    local settings = require("cjson").decode(folder:read "tiles/.luarc.json")
    assert.are.equal("Lua 5.4", settings["runtime.version"])
    local install = shell.run "make -n install PREFIX=/usr/local DESTDIR="
    assert.matches("/usr/local/share/lua/5.4/", install, 1, true)
    assert.are.equal("/usr/local/share/lua/5.4/watchbot", settings["workspace.library"][2])
    local known = {}
    for _, name in ipairs(settings["diagnostics.globals"]) do known[name] = true end
    for _, name in ipairs { "describe", "it", "before_each", "after_each", "spy", "stub" } do
      assert.is_true(known[name], name)
    end
  end))
end)

describe("watchbot init --lambda", function()
  it("makes a function that runs on the embedded queue", task(function(folder)
    init(folder, "--lambda", "python", "tiles")
    local tiles = inside(folder, "tiles")
    local client = io.popen "pwd":read "l" .. "/spec/support/runtimes/ric.py"
    tiles:write("policy.lua", (tiles:read "policy.lua":gsub('"%-m", "awslambdaric"',
      ("%q, %q"):format(client, "app.handler"))))
    workshop.send(tiles, { "hello" })
    local exit, log = run(tiles, { "run", "--drain", "policy.lua" }, { QueueUrl = tiles:url() })
    assert.are.equal(0, exit.code)
    assert.matches("working on hello", log)
    assert.matches('"complete":1', log)
  end))

  it("names the languages, and takes no --mode beside it", task(function(folder)
    for _, case in ipairs {
      { "expected python or node, got 'ruby'", "--lambda", "ruby" },
      { "either %-%-lambda or %-%-mode", "--lambda", "node", "--mode", "task" },
    } do
      local exit, _, problem = run(folder, { "init", table.unpack(case, 2) })
      assert.are.equal(2, exit.code)
      assert.matches(case[1], problem)
    end
  end))
end)

for _, mode in ipairs { "process", "task" } do
  describe("watchbot init --mode " .. mode, function()
    it("makes a project that runs at once on the embedded queue", task(function(folder)
      local out = init(folder, "--mode", mode, "tiles")
      for _, name in ipairs(FILES) do
        assert.matches("tiles/" .. name:gsub("%p", "%%%0") .. "\n", out)
      end
      local tiles = inside(folder, "tiles")
      local exit, _, problem = run(tiles, { "check", "policy.lua" })
      assert.are.equal(0, exit.code, problem)
      workshop.send(tiles, { "hello" })
      local log
      exit, log = run(tiles, { "run", "--drain", "policy.lua" }, { QueueUrl = tiles:url() })
      assert.are.equal(0, exit.code)
      assert.matches("working on hello", log)
      assert.matches('"complete":1', log)
    end))

    it("has a spec that passes, and would not with another policy", task(function(folder)
      init(folder, "--mode", mode, "tiles")
      local function busted()
        return shell.run(("cd %s && %s 2>&1"):format(shell.quote(folder:file "tiles"),
          shell.lua "/usr/bin/busted"))
      end
      local out, code = busted()
      assert.are.equal(0, code, out)
      assert.matches("6 successes / 0 failures / 0 errors", out)
      folder:write("tiles/policy.lua", (folder:read("tiles/policy.lua"):gsub("600", "700")))
      out, code = busted()
      assert.are_not.equal(0, code)
      assert.matches("1 failure", out)
    end))

    it("has a stack that becomes a template", task(function(folder)
      init(folder, "--mode", mode, "tiles")
      local exit, out, problem = run(inside(folder, "tiles"), { "template", "stack.lua" })
      if problem:match "unknown command 'template'" then
        return pending "watchbot template is not there yet"
      end
      assert.are.equal(0, exit.code, problem)
      assert.matches('"WatchbotQueue"', out)
      exit, out = run(inside(folder, "tiles"), { "template", "--check", "stack.lua" })
      assert.are.equal(0, exit.code, out)
    end))
  end)
end

describe("watchbot init", function()
  -- The image needed a program of the user's own build, and libraries of one Debian release.
  it("takes the program from watchbot's image, in the version at hand", task(function(folder)
    for index, kind in ipairs { { "--mode", "process" }, { "--mode", "task" },
      { "--lambda", "python" }, { "--lambda", "node" } } do
      local name = "tiles-" .. index
      init(folder, kind[1], kind[2], name)
      local text = folder:read(name .. "/Dockerfile")
      assert.is_truthy(text:find("\nARG WATCHBOT=watchbot:" .. require "watchbot.version" .. "\n"
        .. "FROM ${WATCHBOT} AS watchbot\n", 1, true), text)
      assert.matches("COPY %-%-from=watchbot /usr/bin/watchbot", text)
      assert.is_nil(text:find("apt-get", 1, true))
      -- A stack's command is appended to an entry point, and begins with `watchbot` itself.
      assert.is_nil(text:gsub("ENTRYPOINT %[%]\n", ""):find("ENTRYPOINT", 1, true))
      assert.matches('\nCMD %["watchbot", "run", "policy.lua"%]\n', text)
      assert.is_nil(text:find "@%u+@")
    end
  end))

  it("writes a systemd unit that runs the project, when asked to", task(function(folder)
    local out = init(folder, "--systemd", "--lambda", "python", "tiles")
    assert.matches("tiles/tiles%.service\n", out)
    local text = folder:read "tiles/tiles.service"
    assert.is_nil(text:find "@%u+@")
    assert.matches("\nExecStart=watchbot run policy%.lua\n", text)
    assert.matches("\nWorkingDirectory=/opt/tiles\n", text)
    -- A task cannot write in its project: the queue is in the unit's own folder.
    assert.matches("\nStateDirectory=watchbot/tiles\n", text)
    assert.matches("\nEnvironment=QueueUrl=sqlite:/var/lib/watchbot/tiles/jobs%.db\n", text)
    assert.is_truthy(folder:read("tiles/README.md"):find("tiles.service", 1, true))
    init(folder, "plain")
    assert.are.equal("", folder:read "plain/plain.service")
  end))

  it("takes the folder that it is run in, and names the service by it", task(function(folder)
    os.execute(("mkdir '%s'"):format(folder:file "My Tiles 2"))
    local here = inside(folder, "My Tiles 2")
    init(here)
    assert.matches('service = "my%-tiles%-2"', here:read "stack.lua")
    assert.is_nil(here:read("stack.lua"):find("@", 1, true))
  end))

  it("overwrites nothing: says what is there, and writes none", task(function(folder)
    folder:write("policy.lua", "mine")
    folder:write("README.md", "mine too")
    local exit, out, problem = run(folder, { "init" })
    assert.are.equal(1, exit.code)
    assert.are.equal("", out)
    assert.matches("nothing was written: already exists: %./policy.lua, %./README.md",
      problem)
    assert.are.equal("mine", folder:read "policy.lua")
    assert.are.equal("", folder:read "worker")
  end))

  -- A link that leads nowhere was written through: the file came to be where the link pointed.
  it("writes through no link, and into nothing that is no file", task(function(folder)
    local create = require "watchbot.core".file.create
    os.execute(("cd '%s' && ln -s elsewhere policy.lua && ln -s /dev/null full && mkfifo pipe && "
      .. "mkdir folder && echo mine > there && ln there hard"):format(folder.path))
    for _, name in ipairs { "policy.lua", "full", "pipe", "folder", "there", "hard" } do
      local ok, err, code = create(folder:file(name), "text", false)
      assert.is_nil(ok)
      assert.are.equal("EEXIST", code)
      assert.matches("could not write '.*': ", err)
    end
    assert.matches("already exists: %./policy.lua", select(3, run(folder, { "init" })))
    assert.is_nil(io.open(folder:file "elsewhere"))
    assert.are.equal("mine\n", folder:read "there")
  end))

  it("takes back what it has written when the rest cannot be", task(function(folder)
    folder:write("spec", "a file where a folder is needed")
    local exit, _, problem = run(folder, { "init" })
    assert.are.equal(1, exit.code)
    assert.matches("nothing was written: could not create '.*': %l[%l ]+\n$", problem)
    assert.are.equal("", folder:read "policy.lua")
    assert.are.equal("", folder:read "worker")
    assert.are.equal("a file where a folder is needed", folder:read "spec")
  end))

  it("refuses what it does not know", task(function(folder)
    for pattern, arguments in pairs {
      ["expected process or task, got 'job'"] = { "--mode", "job" },
        ["expected one folder, got 'a b'"] = { "a", "b" },
    } do
      local exit, _, problem = run(folder, { "init", table.unpack(arguments) })
      assert.are.equal(2, exit.code)
      assert.matches(pattern, problem)
    end
  end))
end)
