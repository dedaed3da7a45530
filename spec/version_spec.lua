-- The version stood in three places, and a date in a fourth.
local shell = require "support.shell"

describe("the version", function()
  it("stands in lua/watchbot/version.lua only", function()
    local version = require "watchbot.version"
    local pattern = "grep -rnF '\"%s\"' lua src include Makefile | grep -v "
      .. "'^lua/watchbot/version.lua:'"
    assert.are.equal("", (shell.run(pattern:format(version))))
  end)

  it("has an entry in the changelog, or is unreleased", function()
    local changelog = shell.read "CHANGELOG.md"
    local released = changelog:match "\n## %[(%d+%.%d+%.%d+)%] %- %d%d%d%d%-%d%d%-%d%d\n"
    assert.is_truthy(changelog:find("\n## [Unreleased]\n", 1, true)
      or released == require "watchbot.version")
  end)
end)

describe("make compile_commands", function()
  it("writes a command that compiles for each C file", function()
    local folder = shell.folder()
    local make = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make"
    local out, code =
      shell.run(("%s -s compile_commands DATABASE=%s/c.json 2>&1"):format(make, folder))
    assert.are.equal(0, code, out)
    local entries = require "cjson".decode(shell.read(folder .. "/c.json"))
    assert.are.equal(select(2, shell.run "ls src/*.c":gsub("\n", "")), #entries)
    for _, entry in ipairs(entries) do
      if entry.file == "src/clock.c" then
        out, code = shell.run(("cd %s && %s -fsyntax-only 2>&1"):format(entry.directory,
          entry.command:gsub("%-c ", "")))
        assert.are.equal(0, code, out)
      end
    end
    shell.remove(folder)
  end)
end)
