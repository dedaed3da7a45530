local chunks = require "watchbot.progress.dynamodb.chunks"
local layout = require "watchbot.progress.layout"

describe("the layout of a job's parts", function()
  it("gives each part one place, and each chunk its parts", function()
    for _, total in ipairs { 1, 2, 3, 10, 99, 100 } do
      for _, size in ipairs { 1, 2, 7, 100 } do
        local counts = {}
        for part = 1, total do
          local chunk, position = layout.place(part, size)
          counts[chunk] = (counts[chunk] or 0) + 1
          assert.are.equal(counts[chunk], position)
        end
        assert.are.equal(layout.chunks(total, size), #counts)
        for chunk, count in ipairs(counts) do
          assert.are.equal(count, layout.capacity(chunk, total, size))
        end
      end
    end
  end)

  it("has no more than 4000 chunks in a table, of 250 parts as long as that does", function()
    for total, size in pairs { [1] = 250, [250] = 250, [1000000] = 250, [1000001] = 251,
      [100000000] = 25000 } do
      assert.are.equal(size, chunks.size(total))
      assert.is_true(layout.chunks(total, size) <= 4000)
    end
  end)

  -- DynamoDB's rule for sizes: names and text as they are, a number a byte for two digits and one
  -- more; and, to be on the safe side, one for each member of a set, of which its pages say
  -- nothing.
  it("keeps a chunk of 250 under a kilobyte, so that a write of it is one unit", function()
    local size = #"id" + #layout.key(("x"):rep(36), 4000) + #"last" + 3 + #"done" + 3
    for part = 1, 250 do size = size + (#tostring(part) + 1) // 2 + 1 + 1 end
    assert.is_true(size < 1024, size)
  end)
end)
