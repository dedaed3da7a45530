-- The units that are shipped: systemd's own tools read them.

local shell = require "support.shell"

local UNITS = { ["watchbot@.service"] = "", ["watchbot-user@.service"] = "--user " }

local function has_systemd()
  return os.execute "command -v systemd-analyze >/dev/null" == true
end

local folder

describe("the unit", function()
  before_each(function() folder = shell.folder() end)
  after_each(function() shell.remove(folder) end)

  -- The program's path is that of the package; verify wants one that is there.
  local function copy(unit)
    local text = shell.read(".package/systemd/" .. unit)
    local program = ("%s/%s/watchbot"):format(shell.root, shell.build)
    local path = folder .. "/" .. unit:gsub("@", "@example")
    shell.write(path, (text:gsub("/usr/bin/watchbot", (program:gsub("%%", "%%%%")))))
    return path
  end

  for unit, scope in pairs(UNITS) do
    it(unit .. " is one that systemd accepts without a warning", function()
      if not has_systemd() then return pending "systemd-analyze is not installed" end
      local line = "XDG_RUNTIME_DIR=/tmp systemd-analyze %sverify --man=no "
        .. "--recursive-errors=no %s 2>&1"
      local out, code = shell.run(line:format(scope, copy(unit)))
      assert.are.equal(0, code, out)
      assert.are.equal("", out)
    end)

    it(unit .. " names only what watchbot has", function()
      local text = shell.read(".package/systemd/" .. unit)
      assert.matches("\nType=notify\n", text)
      assert.matches("\nKillMode=mixed\n", text)
      assert.matches("\nWatchdogSec=%d+\n", text)
      local manual = shell.read "doc/systemd.md"
      for _, word in ipairs { "RestartPreventExitStatus=2", "KillMode=mixed" } do
        assert.is_truthy(text:find(word, 1, true), word)
        assert.is_truthy(manual:find(word, 1, true), word)
      end
    end)
  end

  -- Two units that differ would be hardened in one place and forgotten in the other.
  it("of a project behaves as that of the packages, and systemd accepts it", function()
    local made, code = shell.run(("%s/watchbot init --systemd %s/tiles 2>&1"):format(shell.build,
      folder))
    assert.are.equal(0, code, made)
    local own = shell.read(folder .. "/tiles/tiles.service")
    local packaged = shell.read ".package/systemd/watchbot@.service"
    assert.are.equal(packaged:match "\n(# SIGTERM is for.*)$", own:match "\n(# SIGTERM is for.*)$")
    for line in packaged:gmatch "[^\n]+" do
      if line:find "^Type=" or line:find "^ExecReload=" or line:find "^User=" then
        assert.is_truthy(own:find("\n" .. line .. "\n", 1, true), line)
      end
    end
    if not has_systemd() then return pending "systemd-analyze is not installed" end
    local program = ("ExecStart=%s/%s/watchbot"):format(shell.root, shell.build)
    shell.write(folder .. "/tiles.service", (own:gsub("ExecStart=watchbot", (program:gsub("%%",
      "%%%%")))))
    local out, verified = shell.run("systemd-analyze verify --man=no --recursive-errors=no "
      .. folder .. "/tiles.service 2>&1")
    assert.are.equal(0, verified, out)
    assert.are.equal("", out)
    out, code = shell.run("systemd-analyze security --offline=true --no-pager --threshold=45 "
      .. folder .. "/tiles.service 2>&1")
    assert.are.equal(0, code, out:sub(-600))
  end)

  it("exposes no more than it needs", function()
    if not has_systemd() then return pending "systemd-analyze is not installed" end
    local line = "systemd-analyze security --offline=true --no-pager --threshold=45 %s 2>&1"
    local out, code = shell.run(line:format(copy "watchbot@.service"))
    assert.are.equal(0, code, out:sub(-600))
  end)
end)
