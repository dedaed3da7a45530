-- A release of a tree that differs from its commit, or of a version that the code or the changelog
-- does not have, is noticed when it has been published.

local shell = require "support.shell"

describe("make release", function()
  local folder

  before_each(function()
    folder = shell.folder()
    local line = "git init -q %s && cp -r .package lua CHANGELOG.md %s && cd %s && git add -A && "
      .. "git -c user.name=a -c user.email=a@localhost commit -qm a 2>&1"
    local out, code = shell.run(line:format(folder, folder, folder))
    assert.are.equal(0, code, out)
  end)
  after_each(function() shell.remove(folder) end)

  local function refused(version, expected)
    local out, code = shell.run(("cd %s && .package/release '%s' 2>&1"):format(folder, version))
    assert.are.equal(1, code, out)
    assert.is_truthy(out:find(expected, 1, true), out)
  end

  it("refuses what is no version", function()
    refused("", "expected a version such as 1.2.3, got ''")
    refused("v1.2.3", "expected a version such as 1.2.3, got 'v1.2.3'")
  end)

  it("refuses a tree that differs from its commit", function()
    shell.write(folder .. "/more", "")
    refused(require "watchbot.version", "the tree differs from its commit: ?? more")
  end)

  it("refuses another version than the code's", function()
    refused("99.0.0", ("lua/watchbot/version.lua says '%s', not '99.0.0'"):format(
      require "watchbot.version"))
  end)

  it("refuses a version that the changelog does not date", function()
    local version = "98.7.6"
    shell.write(folder .. "/lua/watchbot/version.lua", ('return "%s"\n'):format(version))
    local commit = "cd %s && git -c user.name=a -c user.email=a@localhost commit -qam b"
    local _, code = shell.run(commit:format(folder))
    assert.are.equal(0, code)
    refused(version, "CHANGELOG.md has no entry '## [98.7.6] - YYYY-MM-DD'")
  end)
end)
