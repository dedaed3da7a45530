-- What dead letters do, of whichever queue: the contract of watchbot.dead_letters.
-- `contract(fixture)` describes it. In a task, `fixture()` returns a queue without messages:
-- `open()` its dead letters, `bury(messages)` sends messages and has them die, `again()` has all
-- that is in the queue die, `queue` the queue itself.

local busted = require "busted"
local scheduler = require "watchbot.scheduler"

-- A module has none of the globals that busted gives to a spec.
local describe, it, assert = busted.describe, busted.it, busted.assert

local function bodies_of(letters)
  local bodies = {}
  for index, letter in ipairs(letters) do bodies[index] = letter.body end
  table.sort(bodies)
  return bodies
end

local function read_all(letters)
  local all = {}
  while true do
    local page = assert(letters:page())
    if #page == 0 then return all end
    table.move(page, 1, #page, #all + 1, all)
  end
end

-- Everything that is in the queue, out of sight from then on.
local function messages_in(queue)
  local all = {}
  while true do
    local messages = assert(queue:receive(10, 1, 600))
    if #messages == 0 then return all end
    table.move(messages, 1, #messages, #all + 1, all)
  end
end

local function numbered(count)
  local messages, bodies = {}, {}
  for index = 1, count do
    bodies[index] = ("m%02d"):format(index)
    messages[index] = { body = bodies[index] }
  end
  return messages, bodies
end

local function find(letters, body)
  for _, letter in ipairs(letters) do
    if letter.body == body then return letter end
  end
end

local function contract(fixture)
  local function task(body)
    return function()
      scheduler.run(function()
        local place <close> = fixture()
        body(place)
      end)
    end
  end

  describe("dead letters:", function()
    it("each is in one page, then pages are empty", task(function(place)
      local messages, bodies = numbered(25)
      place.bury(messages)
      local letters <close> = assert(place.open())
      assert.are.equal(25, letters:count())
      assert.are.same(bodies, bodies_of(read_all(letters)))
      assert.are.same({}, letters:page())
      assert.are.equal(0, letters:unreachable())
    end))

    it("one that was buried has its reason, its own id and time, and goes back as it was",
      task(function(place)
      local attributes = { Zoom = { type = "Number", value = "7" } }
      local id = assert(place.queue:send { { body = "poison", attributes = attributes } })[1].id
      local message = assert(place.queue:receive(1, 5, 60))[1]
      assert(place.queue:bury(message.receipt, message, "no such tile"))
      local letters <close> = assert(place.open())
      local letter = assert(letters:page())[1]
      assert.are.same({ id, "poison", "no such tile", message.sent },
        { letter.id, letter.body, letter.reason, letter.sent })
      assert.are.same(attributes, letter.attributes)
      assert.is_true(letter.died >= letter.sent)
      local count, failures = letters:replay { letter }
      assert.are.same({ 1, {} }, { count, failures })
      local again = messages_in(place.queue)
      assert.are.equal(1, #again)
      assert.are.same({ "poison", 1 }, { again[1].body, again[1].receives })
      assert.are.same(attributes, again[1].attributes)
      assert.are.same({}, letters:page())
    end))

    it("one that was buried can be deleted", task(function(place)
      assert(place.queue:send { { body = "poison" } })
      local message = assert(place.queue:receive(1, 5, 60))[1]
      assert(place.queue:bury(message.receipt, message))
      local letters <close> = assert(place.open())
      local page = assert(letters:page())
      assert.is_nil(page[1].reason)
      assert.are.equal(1, (letters:delete(page)))
      assert.are.same({}, letters:page())
    end))

    it("a page has no more than was asked for", task(function(place)
      place.bury(numbered(3))
      local letters <close> = assert(place.open())
      local seen = {}
      for index = 1, 3 do
        local page = assert(letters:page(1))
        assert.are.equal(1, #page)
        seen[index] = page[1]
      end
      assert.are.same({ "m01", "m02", "m03" }, bodies_of(seen))
    end))

    it("a letter is as it was sent", task(function(place)
      place.bury { { body = "t\u{ef}le", attributes = {
        Zoom = { type = "Number", value = "7" }, Bytes = { type = "Binary", value = "AP8=" },
      } } }
      local letters <close> = assert(place.open())
      local letter = assert(letters:page())[1]
      assert.are.equal("t\u{ef}le", letter.body)
      assert.are.same({ type = "Number", value = "7" }, letter.attributes.Zoom)
      assert.are.same({ type = "Binary", value = "AP8=" }, letter.attributes.Bytes)
      assert.is_number(letter.receives)
      assert.is_number(letter.sent)
      assert.is_string(letter.id)
    end))

    it("what was read and not settled is as it was when they are closed", task(function(place)
      local messages, bodies = numbered(12)
      place.bury(messages)
      local letters = assert(place.open())
      read_all(letters)
      letters:close()
      letters:close()
      local again <close> = assert(place.open())
      assert.are.same(bodies, bodies_of(read_all(again)))
    end))

    it("replay puts letters back as they were, and leaves the others", task(function(place)
      place.bury {
        { body = "a", attributes = { Zoom = { type = "Number", value = "7" } } }, { body = "b" },
        { body = "c" },
      }
      local letters = assert(place.open())
      local all = read_all(letters)
      local count, failures = letters:replay { find(all, "a"), find(all, "c") }
      assert.are.equal(2, count)
      assert.are.same({}, failures)
      letters:close()
      local messages = messages_in(place.queue)
      assert.are.same({ "a", "c" }, bodies_of(messages))
      assert.are.same({ type = "Number", value = "7" }, find(messages, "a").attributes.Zoom)
      assert.are.equal(1, messages[1].receives)
      local again <close> = assert(place.open())
      assert.are.same({ "b" }, bodies_of(read_all(again)))
    end))

    it("what was replayed and has died again is in no further page", task(function(place)
      place.bury(numbered(3))
      local letters <close> = assert(place.open())
      local first = assert(letters:page(1))
      assert.are.equal(1, (letters:replay(first)))
      place.again()
      assert.are.equal(2, #read_all(letters))
      assert.are.equal(3, letters.embedded and letters:count() or 3)
    end))

    it("delete deletes, purge deletes all", task(function(place)
      place.bury(numbered(15))
      local letters = assert(place.open())
      local all = read_all(letters)
      assert.are.equal(2, (letters:delete { find(all, "m01"), find(all, "m15") }))
      letters:close()
      local again = assert(place.open())
      assert.are.equal(13, #read_all(again))
      again:close()
      local last <close> = assert(place.open())
      assert.are.equal(13, last:purge())
      assert.are.equal(0, last:count())
      assert.are.same({}, messages_in(place.queue))
    end))
  end)
end

return {
  contract = contract, read_all = read_all, messages_in = messages_in, bodies_of = bodies_of,
}
