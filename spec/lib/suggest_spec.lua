local suggest = require "watchbot.lib.suggest"

describe("suggest", function()
  local names = { "workers", "timeout", "run", "drain", "verdict" }

  it("finds what was meant: a letter too few, too many, wrong or swapped", function()
    assert.are.equal("workers", suggest("worker", names))
    assert.are.equal("workers", suggest("workerss", names))
    assert.are.equal("timeout", suggest("timeoat", names))
    assert.are.equal("run", suggest("rnu", names))
    assert.are.equal("drain", suggest("drian", names))
    assert.are.equal("verdict", suggest("Verdict", names))
  end)

  it("does not guess wildly", function()
    assert.is_nil(suggest("colour", names))
    assert.is_nil(suggest("", names))
    assert.is_nil(suggest("x", {}))
  end)

  -- Errors had four forms, one of them "did you mean 'run'?; watchbot --help lists them".
  it("ends an error in one form, with the near name, a note, both or neither", function()
    assert.are.equal("; did you mean 'run'? (see watchbot --help)",
      suggest.hint("rnu", names, "see watchbot --help"))
    assert.are.equal(" (see watchbot --help)", suggest.hint("colour", names, "see watchbot --help"))
    assert.are.equal("; did you mean '--run'?", suggest.hint("rnu", names, nil, "--"))
    assert.are.equal("", suggest.hint("colour", names))
    assert.are.equal("", suggest.hint(7, { "7a" }))
  end)

  it("is the only place that says 'did you mean'", function()
    local pipe = assert(io.popen "grep -rl 'did you mean' lua src --include='*.[lc]*'")
    local files = pipe:read "a"
    pipe:close()
    assert.are.equal("lua/watchbot/lib/suggest.lua\n", files)
  end)
end)
