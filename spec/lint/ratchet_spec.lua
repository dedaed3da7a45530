local ratchet = require "lint.ratchet"

local FINDINGS = { { file = "a" }, { file = "a" }, { file = "b" } }

describe("the ratchet", function()
  it("lets a file have what it had, and nothing more", function()
    assert.are.same({}, ratchet.over({ a = 2, b = 1 }, FINDINGS))
    assert.are.same({ { file = "a" }, { file = "a" } }, ratchet.over({ a = 1, b = 1 }, FINDINGS))
    assert.are.same({ { file = "b" } }, ratchet.over({ a = 5 }, FINDINGS))
  end)

  it("only goes down", function()
    assert.are.same({ a = 2 }, ratchet.lowered({ a = 5, gone = 3 }, FINDINGS))
    assert.are.same({ a = 1 }, ratchet.lowered({ a = 1 }, FINDINGS))
  end)

  it("is written as a file that reads back", function()
    local rules = { columns = { ["a/b.lua"] = 2 }, words = {} }
    assert.are.same(rules, load(ratchet.text(rules))())
  end)
end)
