local own = require "watchbot.lib.own"

-- Most table accesses of a job were methods that were looked for in the class.
describe("an object with its own methods", function()
  local Base = { shown = 3 }
  Base.__index = Base
  function Base:base() return self.value end
  function Base:both() return "base" end -- luacheck: ignore 212
  local Class = setmetatable({}, { __index = Base })
  Class.__index = Class
  function Class:both() return "class" end -- luacheck: ignore 212
  function Class:__close() self.value = "closed" end

  it("has those of its class and of what is above that, the nearest ones", function()
    local object = own({ value = 7 }, Class)
    assert.are.equal(7, rawget(object, "base")(object))
    assert.are.equal("class", rawget(object, "both")(object))
    assert.are.equal(3, object.shown)
    assert.are.equal(Class, getmetatable(object))
  end)

  it("keeps what it has, and leaves metamethods to the class", function()
    local function mine() return "mine" end
    local object <close> = own({ both = mine }, Class)
    assert.are.equal(mine, object.both)
    assert.is_nil(rawget(object, "__close"))
    assert.is_nil(rawget(object, "__index"))
  end)
end)
