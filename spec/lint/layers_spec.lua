local layers = require "lint.layers"
local shell = require "support.shell"

local DOCUMENT = [[
# Architecture

```layers
lib            -- base
queue  stack
watcher
```
More.
]]

describe("the layers", function()
  local levels = layers.declared(DOCUMENT)

  it("are read from the document, lowest first", function()
    assert.are.same({ lib = 1, queue = 2, stack = 2, watcher = 3 }, levels)
  end)

  local function messages(path, source)
    local all = {}
    for _, one in ipairs(layers.violations(levels, { [path] = source })) do
      all[#all + 1] = one.message end
    return all
  end

  it("let a part require lower ones, itself, and what is not watchbot's", function()
    assert.are.same({}, messages("lua/watchbot/queue/sqs.lua",
      'require "watchbot.lib.json" require "watchbot.queue.topic" require "cjson"'))
    assert.are.same({}, messages("lua/watchbot/queue/sqs.lua", 'require "watchbot.queue"'))
  end)

  it("refuse a require that goes up or sideways, also a lazy one", function()
    assert.are.same({ "'watchbot.queue.sqs' may not require 'watchbot.watcher.app': "
      .. "'watcher' is not in a lower layer than 'queue' (doc/architecture.md)" },
      messages("lua/watchbot/queue/sqs.lua",
        'return function() return require "watchbot.watcher.app" end'))
    assert.are.equal(1, #messages("lua/watchbot/queue/init.lua", 'require "watchbot.stack"'))
    assert.are.equal(1, #messages("lua/watchbot/lib/text.lua", 'require "watchbot"'))
  end)

  it("name a part that is not declared", function()
    assert.are.same({ "the part 'mail' is in no line of the layers in doc/architecture.md" },
      messages("lua/watchbot/mail.lua", ""))
  end)
end)

-- `policy` and `runner` required each other through two lazy requires, which no reader saw.
describe("the modules of this tree", function()
  it("require only parts of lower layers", function()
    local files = {}
    for path in shell.run("find lua -name '*.lua' -not -path '*/meta/*'"):gmatch "[^\n]+" do
      files[path] = shell.read(path) end
    local wrong = {}
    for _, one in ipairs(layers.violations(layers.declared(shell.read "doc/architecture.md"),
      files)) do
      wrong[#wrong + 1] = ("%s:%d: %s"):format(one.file, one.line, one.message)
    end
    assert.are.equal("", table.concat(wrong, "\n"))
  end)

  it("are all in the drawing, and nothing else is", function()
    local names = shell.run "cd lua/watchbot && ls -d * | grep -vx -e meta -e init.lua"
    local there = { core = true, signals = true, watchbot = true }
    for name in names:gmatch "[^\n]+" do there[name:gsub("%.lua$", "")] = true end
    for part in pairs(layers.declared(shell.read "doc/architecture.md")) do
      assert.is_true(there[part], part .. " is declared, but not there")
      there[part] = nil
    end
    assert.are.same({}, there)
  end)
end)
