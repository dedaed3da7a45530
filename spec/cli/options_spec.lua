local options = require "watchbot.cli.options"

describe("options", function()
  local declared = {
    { name = "total", short = "t", value = "N", number = true, help = "how many" },
    { name = "reason", short = "r", value = "TEXT", help = "why" },
    { name = "id", value = "ID", many = true, help = "which" },
    { name = "brief", short = "b", help = "less" },
  }

  local function refused(message, ...)
    local result, problem = options.parse(declared, { ... })
    assert.is_nil(result)
    assert.are.equal(message, problem)
  end

  it("are taken in each of their forms, between words", function()
    for _, argv in ipairs {
      { "job", "--total", "3", "--reason", "no luck", "--brief" },
      { "--total=3", "job", "--reason=no luck", "--brief" },
      { "-t", "3", "-r", "no luck", "-b", "job" }, { "-t3", "-rno luck", "job", "-b" },
      { "-t=3", "-r=no luck", "job", "-b" },
    } do
      assert.are.same({ words = { "job" }, total = 3, reason = "no luck", brief = true },
        options.parse(declared, argv))
    end
  end)

  it("may have values that are empty, or look like options", function()
    assert.are.same({ words = {}, reason = "" }, options.parse(declared, { "--reason=" }))
    assert.are.same({ words = {}, reason = "" }, options.parse(declared, { "-r", "" }))
    assert.are.same({ words = {}, reason = "-x" }, options.parse(declared, { "-r", "-x" }))
    assert.are.same({ words = {}, id = { "a", "b" } },
      options.parse(declared, { "--id", "a", "--id=b" }))
  end)

  it("end at --", function()
    local argv = { "a", "--", "-t", "--x" }
    assert.are.same({ words = { "a" }, rest = { "-t", "--x" } },
      options.parse(declared, argv, { keeps_rest = true }))
    assert.are.same({ words = { "a", "-t" } },
      options.parse(declared, { "a", "-t" }, { runs_words = true }))
    -- `dead-letter replay --yes -- ID` replayed everything: the words behind "--" were dropped.
    assert.are.same({ words = { "a", "-t", "--x" } }, options.parse(declared, argv))
    assert.are.same({ words = { "--" }, brief = true },
      options.parse(declared, { "-b", "--", "--" }))
    assert.are.same({ words = {} }, options.parse(declared, { "--" }))
  end)

  it("that are wrong are refused by name", function()
    refused("unknown option '--totl'; did you mean '--total'?", "--totl", "3")
    refused("unknown option '-x'; options have two dashes, and '--' ends them", "-x")
    refused("unknown option '-i'; options have two dashes, and '--' ends them", "-i", "a")
    refused("option '--total' needs a value: --total N", "-t")
    refused("option '--total': expected a number of at least 0, got 'many'", "-tmany")
    refused("option '--brief' takes no value", "--brief=yes")
    refused("option '--brief' takes no value", "-bx")
  end)

  -- `watchbot test policy.lua other` said "no policy".
  it("are only counted among other words", function()
    local function only(...) return options.only_word({ words = { ... } }, "policy", "test X") end
    assert.are.equal("a", only "a")
    assert.are.same({ n = 2, nil, "no policy: test X" }, table.pack(only()))
    assert.are.same({ n = 2, nil, "expected one policy, got 'a b': test X" },
      table.pack(only("a", "b")))
  end)

  it("are described with their letters", function()
    assert.matches("^  %-t, %-%-total N +how many\n  %-r, %-%-reason TEXT +why\n  %-%-id ID "
      .. "+which\n  %-b, %-%-brief +less$",
      options.describe(declared))
  end)
end)
