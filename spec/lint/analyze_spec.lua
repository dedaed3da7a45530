-- `make analyze` once took a file that it could not compile for one without findings: a header was
-- missing, and gcc's word about it is "error", not "warning".

local workshop = require "support.workshop"

local SCRIPT = io.popen "pwd":read "l" .. "/spec/lint/analyze"

local ANSWERED = "src/a.c: leak of 'x' [-Wanalyzer-malloc-leak]"

-- Runs the script over a file of which gcc says this line.
local function analyze(line)
  local folder <close> = workshop.folder()
  os.execute(("mkdir -p '%s/src' '%s/spec/lint' '%s/bin'"):format(folder.path, folder.path,
    folder.path))
  folder:write("src/a.c", "int a;\n")
  folder:write("spec/lint/analyzed", "# An answer.\n" .. ANSWERED .. "\n")
  folder:write("bin/gcc", "#!/bin/sh\necho \"" .. line .. "\" >&2\nexit 1\n")
  folder:write("bin/clang", "#!/bin/sh\n")
  local pipe <close> = io.popen(("cd '%s' && PATH=\"$PWD/bin:$PATH\" '%s' . -O1 2>&1; echo $?")
    :format(folder.path, SCRIPT))
  local text, status = pipe:read "a":match "^(.*)\n(%d+)\n$"
  return text, tonumber(status)
end

describe("make analyze", function()
  it("passes without findings, and with those that are answered", function()
    local _, status = analyze "In function 'main':"
    assert.are.equal(0, status)
    _, status = analyze "src/a.c:3:4: warning: leak of 'x' [-Wanalyzer-malloc-leak]"
    assert.are.equal(0, status)
  end)

  it("prints a finding that no answer is for", function()
    local text, status = analyze "src/a.c:3:4: warning: double-'free' of 'x'"
    assert.are.equal("src/a.c: double-'free' of 'x'", text)
    assert.are.equal(1, status)
  end)

  it("fails for a file that does not compile", function()
    local text, status = analyze "src/a.c:3:10: fatal error: version.h: No such file or directory"
    assert.are.equal("src/a.c: version.h: No such file or directory", text)
    assert.are.equal(1, status)
    text, status = analyze "src/a.c:3:10: error: expected ';' before '}' token"
    assert.matches("expected ';'", text, 1, true)
    assert.are.equal(1, status)
  end)
end)
