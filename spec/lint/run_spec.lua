-- The whole of it, on a tree that has one fault of each kind.
local shell = require "support.shell"

describe("spec/lint/run.lua", function()
  local folder

  setup(function()
    folder = shell.folder()
    shell.run(([[cd %s && git init -q . && mkdir -p lua/watchbot/lib lua/watchbot/queue spec doc src
      cp -r %s/spec/lint spec && rm spec/lint/*_spec.lua]]):format(folder, shell.root))
    shell.write(folder .. "/doc/architecture.md", "```layers\nlib\nqueue\n```\n")
    shell.write(folder .. "/lua/watchbot/lib/text.lua",
      'local queues = require "watchbot.queue"\nerror "whoever"\n')
    shell.write(folder .. "/lua/watchbot/queue/init.lua", "return " .. ("1"):rep(94) .. "\n")
    shell.write(folder .. "/src/a.c",
      "/* " .. ("é"):rep(95) .. " */\n/* " .. ("é"):rep(90) .. " */\n")
    -- The lint had read Lua and C only: 62 lines of the Makefile were wider, and 200 of scripts.
    shell.write(folder .. "/Makefile", "all:\n\techo " .. ("m"):rep(95) .. "\n")
    shell.write(folder .. "/src/tool", "#!/usr/bin/env bash\n# " .. ("s"):rep(99) .. "\n")
    shell.write(folder .. "/src/list", "no program\n" .. ("l"):rep(101) .. "\n")
  end)

  teardown(function() shell.remove(folder) end)

  local function run()
    return shell.run(("cd %s && %s spec/lint/run.lua 2>&1"):format(folder, shell.interpreter))
  end

  local function own(out)
    local lines = {}
    for line in out:gmatch "[^\n]+" do
      if not line:find "^spec/lint" then lines[#lines + 1] = line end
    end
    return lines
  end

  it("names file, line and rule, with status 1", function()
    local out, code = run()
    assert.are.equal(1, code)
    local lines = own(out)
    assert.matches("^lua/watchbot/lib/text.lua:1: .* may not require .* %(layers%)$", lines[1])
    assert.matches("^lua/watchbot/lib/text.lua:1: .* call it 'queue' %(requires%)$", lines[2])
    assert.matches("^lua/watchbot/lib/text.lua:2: 'whoever' .* %(words%)$", lines[3])
    assert.are.equal("Makefile:2: 101 columns (columns)", lines[4])
    assert.are.equal("lua/watchbot/queue/init.lua:1: 101 columns (columns)", lines[5])
    assert.are.equal("src/a.c:1: 101 columns (columns)", lines[6])
    assert.are.equal("src/tool:2: 101 columns (columns)", lines[7])
    assert.are.equal(7, #lines)
  end)
end)
