-- Tables in documents are lists in the code: when those change, `make generated`.
local shell = require "support.shell"

local PAGES = { "doc/architecture.md", "doc/metrics.md", "doc/policy.md", "doc/templates.md" }

describe("the generated tables", function()
  for _, page in ipairs(PAGES) do
    it("of " .. page .. " are as the code has them", function()
      local script = shell.root .. "/src/generate/tables.lua"
      local out, code = shell.run(("%s %s"):format(shell.lua(script), page))
      assert.are.equal(0, code)
      assert.are.equal(out, shell.read(page), "run make generated")
    end)
  end

  it("are made by make generated, all of them", function()
    local list = shell.read "Makefile":match "\nGENERATED := %$%(addprefix doc/,([^)]*)%)"
    local names = {}
    for _, page in ipairs(PAGES) do names[#names + 1] = page:match "[^/]+$" end
    assert.are.equal(table.concat(names, " "), list)
  end)

  it("leave what is written by hand as it is", function()
    local folder = shell.folder()
    local text = "<!-- byhand -->\nmine\n<!-- /byhand -->\n"
    shell.write(folder .. "/page.md", text)
    local script = shell.lua(shell.root .. "/src/generate/tables.lua")
    assert.are.equal(text, (shell.run(("%s %s/page.md 2>&1"):format(script, folder))))
    shell.remove(folder)
  end)
end)
