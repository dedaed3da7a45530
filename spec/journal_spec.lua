local cjson = require "cjson"
local journal = require "watchbot.journal"

describe("journal.object", function()
  it("keeps the order of the members and leaves out nil", function()
    assert.are.equal('{"b":1,"a":"x","d":true}', journal.object("b", 1, "a", "x", "c", nil, "d", true))
    assert.are.equal("{}", journal.object())
  end)

  it("writes integers of any size exactly", function()
    assert.are.equal('{"n":9007199254740993}', journal.object("n", 9007199254740993))
  end)

  it("writes fractions as short as they read back, and raises for what JSON has not", function()
    assert.are.equal('{"seconds":0.1,"half":-2.5}', journal.object("seconds", 0.1, "half", -2.5))
    assert.has_error(function() journal.object("f", print) end)
    assert.are.equal('{"a":1}', journal.object("a", 1))
  end)

  it("writes slashes as they are, backslashes escaped", function()
    assert.are.equal([[{"path":"./a\\/b"}]], journal.object("path", [[./a\/b]]))
    assert.are.equal([[./a\/b]], cjson.decode(journal.object("path", [[./a\/b]])).path)
  end)

  it("writes valid JSON whatever the bytes and numbers", function()
    local line = journal.object("text", 'quote " backslash \\ nul \0 line\nend \xFF', "nan", 0 / 0, "inf", math.huge)
    local decoded = cjson.decode(line)
    assert.are.equal('quote " backslash \\ nul \0 line\nend \u{FFFD}', decoded.text)
    assert.are.equal("inf", decoded.inf)
    assert.is_nil(line:find("[\0-\31]"))
  end)
end)

describe("journal", function()
  it("writes to the category watcher with the level of the line", function()
    local lines = {}
    local sink = { write = function(_, ...) lines[#lines + 1] = { ... } end }
    local log = journal.new(sink)
    log:info("id-1", "event", "one")
    log:warning(nil, "event", "two")
    log:error("id-3", "event", "three")
    assert.are.same({ "watcher", "id-1", '{"event":"one"}', 30 }, lines[1])
    assert.are.same({ "watcher", nil, '{"event":"two"}', 40 }, { lines[2][1], lines[2][2], lines[2][3], lines[2][4] })
    assert.are.equal(50, lines[3][4])
  end)
end)
