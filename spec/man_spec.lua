local shell = require "support.shell"

local function exists(program)
  return select(2, shell.run("command -v " .. program .. " >/dev/null")) == 0
end

describe("the manual", function()
  for _, page in ipairs { "watchbot.1", "watchbot-policy.5" } do
    it(page .. " is what the lists in the code say; else: make generated", function()
      local out, code = shell.run(shell.lua "src/generate/man.lua" .. " " .. page .. " 2>&1")
      assert.are.equal(0, code, out)
      assert.are.equal(out, shell.read("doc/man/" .. page))
    end)
  end

  for _, page in ipairs { "watchbot.1", "watchbot-log.1", "watchbot-policy.5" } do
    it(page .. " is good roff", function()
      if not exists "groff" then return pending "groff is not here" end
      local out, code = shell.run("groff -ww -man -Tutf8 doc/man/" .. page .. " 2>&1 >/dev/null")
      assert.are.same({ "", 0 }, { out, code })
    end)

    it(page .. " is good for mandoc", function()
      if not exists "mandoc" then return pending "mandoc is not here" end
      local out, code = shell.run("mandoc -Tlint -Wwarning doc/man/" .. page .. " 2>&1")
      assert.are.same({ "", 0 }, { out, code })
    end)
  end

  it("names every option of a command, as a person reads it", function()
    if not exists "groff" then return pending "groff is not here" end
    local text = shell.run "groff -man -Tascii -P-c -P-b -P-u doc/man/watchbot.1"
    for _, command in ipairs(require "watchbot.cli".commands) do
      for _, option in ipairs(require(command[2]).options) do
        assert.is_truthy(text:find("--" .. option.name, 1, true), option.name)
      end
    end
  end)

  it("of watchbot-log says what the program does", function()
    local help = shell.run(shell.build .. "/watchbot-log --help")
    local page = shell.read "doc/man/watchbot-log.1"
    for variable in help:gmatch "%$(%w+)" do assert.matches("%.B " .. variable, page) end
    assert.matches("structuredLogging", page)
  end)
end)
