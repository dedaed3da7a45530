local cover = require "support.pairs"

local axes = {
  { name = "mode", values = { "task", "process" } },
  { name = "fifo", values = { true, false } },
  { name = "capacity", values = { "EC2", "FARGATE", "FARGATE_SPOT" } },
  { name = "user", values = { true, false } },
  { name = "size", values = { 1, 2, 3 } },
}

local function together(cases, one, value, other, its)
  for _, case in ipairs(cases) do
    if case[one] == value and case[other] == its then return true end
  end
end

describe("the pairs of axes", function()
  it("all come together, in few cases", function()
    local cases = cover(axes)
    for first = 1, #axes - 1 do
      for second = first + 1, #axes do
        local a, b = axes[first], axes[second]
        for _, value in ipairs(a.values) do
          for _, its in ipairs(b.values) do
            assert.is_true(together(cases, a.name, value, b.name, its),
              ("%s %s"):format(a.name, b.name))
          end
        end
      end
    end
    assert.is_true(#cases <= 15, #cases .. " of 72")
  end)

  it("come in the same cases each time", function() assert.are.same(cover(axes), cover(axes)) end)
end)
