-- On a machine without moto the suite ended with an error for each file; on one without a network,
-- after five retries each.
local shell = require "support.shell"

local NEEDS = [[
  local skip, scheduler = require "support.skip", require "watchbot.scheduler"
  describe("outer", function()
    local server
    setup(function() scheduler.run(function() server = skip.without "moto" end) end)
    before_each(function() assert(server) end)
    teardown(function() assert(server) end)
    it("one", function() error "it ran" end)
    describe("inner", function()
      setup(function() error "it ran" end)
      it("two", function() error "it ran" end)
    end)
  end)
  describe("beside it", function()
    it("three", function() scheduler.run(function() skip.without "moto" end) end)
    it("four", function() end)
    it("five", function() skip.without "moto" error "it ran" end)
    it("six", function() pending "as ever" end)
  end)]]

-- A machine where neither pip nor apt gets anything: each call leaves a line in `called`.
local function poor_machine(folder)
  shell.run(("cd %s && mkdir bin build && ln -s %s/spec %s/lua %s/.busted ."):format(folder,
  shell.root, shell.root,
    shell.root))
  shell.write(folder .. "/bin/python3", [[#!/bin/sh
echo "python3 $*" | cut -c 1-20 >> called
[ "$1 $2" = "-m venv" ] || exit 1
mkdir -p "$3/bin"
printf '#!/bin/sh\necho pip >> called\n' > "$3/bin/pip"
echo 'echo "ERROR: no way to the index" >&2; exit 1' >> "$3/bin/pip"
chmod +x "$3/bin/pip"]])
  shell.write(folder .. "/bin/apt-get",
    "#!/bin/sh\necho apt-get >> called\necho 'E: no way to the mirror' >&2\nexit 100\n")
  shell.run(("chmod +x %s/bin/*"):format(folder))
end

describe("a spec that needs what this machine cannot get", function()
  local folder

  before_each(function()
    folder = shell.folder()
    poor_machine(folder)
    shell.write(folder .. "/needs_spec.lua", NEEDS)
  end)

  after_each(function() shell.remove(folder) end)

  local function run(environment)
    return shell.run(("cd %s && PATH=$PWD/bin:$PATH %s WATCHBOT_BUILD=%s/%s spec/run %s "
      .. "needs_spec.lua 2>&1"):format(folder,
      environment or "CI=", shell.root, shell.build, shell.interpreter))
  end

  local function called() return (shell.run(("cd %s && sort called | uniq -c"):format(folder))) end

  it("is pending, under a setup and in a test, and the others run", function()
    local out, code = run()
    assert.are.equal(0, code, out)
    assert.matches("1 success / 0 failures / 0 errors / 5 pending", out)
    assert.is_nil(out:find("it ran", 1, true))
    assert.matches("skipped without moto, files: 1 %(needs_spec.lua%)\n", out)
    assert.matches("pip: ERROR: no way to the index; Debian's packages: [^\n]+", out)
    assert.matches("to get it: pip install 'moto%[server%]>=5%.2'", out)
  end)

  it("asks once, and remembers the answer", function()
    run()
    local first = called()
    assert.matches("1 pip\n", first)
    run()
    assert.are.equal(first, called())
  end)

  it("fails with CI=true, unless it may be skipped", function()
    local out, code = run "CI=true MAY_SKIP="
    assert.are.equal(1, code, out)
    assert.matches("with CI=true this is a failure\n$", out)
    out, code = run "CI=true MAY_SKIP='cfn-lint moto'"
    assert.are.equal(0, code, out)
  end)

  it("counts, for the share of the tests that ran", function()
    local out, code = run "CI= SPEC_REPORT="
    assert.are.equal(0, code, out)
    shell.run(("cd %s && SPEC_REPORT=$PWD/report PATH=$PWD/bin:$PATH WATCHBOT_BUILD=%s/%s %s "
      .. "spec/support/busted.lua needs_spec.lua"):format(folder, shell.root, shell.build,
      shell.interpreter))
    assert.matches("tests\t1\t5\t0\n", shell.read(folder .. "/report"))
  end)

  -- Half of the suite could be pending, and the run was a success.
  it("fails the whole suite where fewer ran than must", function()
    shell.run(("cd %s && rm spec && mkdir -p spec doc/examples && mv needs_spec.lua spec "
      .. "&& echo 1 spec/needs_spec.lua >spec/times && ln -s %s/spec/support %s/spec/run spec")
      :format(folder, shell.root, shell.root))
    local function whole(least)
      return shell.run(("cd %s && PATH=$PWD/bin:$PATH CI= LEAST_SHARE=%d WATCHBOT_BUILD=%s/%s "
        .. "spec/run %s spec 2>&1"):format(folder, least, shell.root, shell.build,
        shell.interpreter))
    end
    local out, code = whole(90)
    assert.matches("1 of 6 tests ran %(16.7 %%%), 5 are pending\nerror: at least 90 %%", out)
    assert.are_not.equal(0, code)
    out, code = whole(10)
    assert.are.equal(0, code, out)
  end)
end)
