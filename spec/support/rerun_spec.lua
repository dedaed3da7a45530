-- One test of 4,900 that needed a quiet machine failed a whole run of CI, and what it said was lost
-- among the others. spec/run runs its file once more, alone.
local shell = require "support.shell"

-- The test fails as long as the folder lacks a file of this name, which it makes itself.
local ONCE = [[
  it("needs a second try", function()
    local before = io.open "%s"
    assert(io.open("%s", "w")):close()
    assert(before, "the machine is busy")
  end)]]

local ALWAYS = [[it("fails always", function() error "it is wrong" end)]]
local FINE = [[it("passes", function() end)]]

describe("spec/run", function()
  local folder

  before_each(function()
    folder = shell.folder()
    shell.run(("cd %s && mkdir -p build doc/examples spec && ln -s %s/lua %s/.busted . "
      .. "&& ln -s %s/spec/run %s/spec/times %s/spec/support spec"):format(folder,
      shell.root, shell.root, shell.root, shell.root, shell.root))
  end)

  after_each(function() shell.remove(folder) end)

  local function spec(name, text)
    shell.write(("%s/spec/%s_spec.lua"):format(folder, name), text)
  end

  local function run(what, ci)
    return shell.run(("cd %s && CI=%s WATCHBOT_BUILD=%s/%s spec/run %s %s 2>&1"):format(folder,
      ci or "", shell.root, shell.build, shell.interpreter, what or ""))
  end

  it("lists what fails once as unsteady, with the file's second run, and passes", function()
    spec("fine", FINE)
    spec("busy", ONCE:gsub("%%s", "marker"))
    local said, status = run()
    assert.are.equal(0, status, said)
    assert.matches("\nunsteady: spec/busy_spec.lua:%d+ needs a second try: [^\n]*"
      .. "the machine is busy", said)
    assert.matches("\n%-%- specs: spec/busy_spec.lua once more, alone\n", said)
    assert.matches("\n| 1 success / 0 failures", said)
    assert.is_nil(said:find "\nfailed: ")
  end)

  -- busted's own exit code is 1 for any number of failures.
  it("runs a file again in which two tests failed", function()
    spec("busy", ONCE:gsub("%%s", "marker") .. "\n" .. ONCE:gsub("%%s", "marker2"))
    local said, status = run()
    assert.are.equal(0, status, said)
    assert.are.equal(2, select(2, said:gsub("\nunsteady: ", "")))
  end)

  it("fails where a test fails twice, and names that one only", function()
    spec("busy", ONCE:gsub("%%s", "marker"))
    spec("wrong", ALWAYS)
    local said, status = run()
    assert.are.equal(1, status, said)
    assert.matches("\nfailed: spec/wrong_spec.lua:1 fails always: ", said)
    assert.is_nil(said:find "\nfailed: spec/busy")
  end)

  it("runs no file again where more than three failed", function()
    for index = 1, 4 do spec("busy" .. index, ONCE:gsub("%%s", "marker" .. index)) end
    local said, status = run()
    assert.are.equal(1, status, said)
    assert.are.equal(4, select(2, said:gsub("\nfailed: ", "")))
    assert.is_nil(said:find "once more")
  end)

  it("fails where a program ended without a failed test", function()
    spec("fine", FINE)
    spec("gone", [[it("ends the program", function() os.exit(3) end)]])
    local said, status = run()
    assert.are.equal(1, status, said)
    assert.is_nil(said:find "once more")
  end)

  it("passes where nothing fails", function()
    spec("fine", FINE)
    local said, status = run()
    assert.are.equal(0, status, said)
    assert.matches("\n1 of 1 tests ran", said)
  end)

  it("runs a file that it was given again in CI only", function()
    spec("busy", ONCE:gsub("%%s", "marker"))
    spec("busier", ONCE:gsub("%%s", "marker2"))
    local said, status = run("spec/busy_spec.lua", "true")
    assert.are.equal(0, status, said)
    assert.matches("\nunsteady: spec/busy_spec.lua:", said)
    said, status = run "spec/busier_spec.lua"
    assert.are.equal(1, status, said)
    assert.is_nil(said:find "once more")
  end)
end)
