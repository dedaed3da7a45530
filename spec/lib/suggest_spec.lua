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
end)
