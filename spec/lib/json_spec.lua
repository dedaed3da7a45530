local json = require "watchbot.lib.json"
local shell = require "support.shell"

describe("json", function()
  describe("keeps integers exact:", function()
    local integers =
      { 0, -1, 1469664757123, 999999999999999, 1000000000000000, 9007199254740993, math.maxinteger,
      math.mininteger }
    for _, integer in ipairs(integers) do
      it(tostring(integer), function()
        assert.are.equal(("[%d]"):format(integer), json.encode { integer })
        local back = json.decode(("[%d]"):format(integer))[1]
        assert.are.equal("integer", math.type(back))
        assert.are.equal(integer, back)
      end)
    end
  end)

  it("writes whole floats as integers, and others so that they read back the same", function()
    assert.are.equal("[20,1000000000000000,-3]", json.encode { 20.0, 1e15, -3.0 })
    for _, number in ipairs { 0.1, 1 / 3, 1e300, -2.5e-10, 1469664757.123, 5e-324, 2 ^ 63 } do
      assert.are.equal(number, json.decode(json.encode { number })[1])
    end
    assert.are.equal("[0.1]", json.encode { 0.1 })
  end)

  it("reads integers too large for 64 bits as floats", function()
    assert.are.equal(12345678901234567890.0, json.decode "12345678901234567890")
  end)

  it("tells empty lists from empty objects", function()
    assert.are.equal("{}", json.encode {})
    assert.are.equal("[]", json.encode(json.list()))
    assert.are.equal("[]", json.encode(json.list {}))
    assert.are.equal("[]", json.encode(json.decode "[]"))
    assert.are.equal("{}", json.encode(json.decode "{}"))
    assert.are.equal('{"a":[[],{}]}', json.encode(json.decode '{"a": [ [ ] , { } ]}'))
    assert.is_true(json.is_list(json.decode "[1]"))
    assert.is_false(json.is_list(json.decode "{}"))
  end)

  it("keeps nulls", function()
    assert.are.equal('{"a":null}', json.encode { a = json.null })
    assert.are.same({ a = json.null, b = 1 }, json.decode '{"a":null,"b":1}')
    assert.are.equal(json.null, (json.decode "null"))
    assert.are.equal(json.null, require "cjson".null)
  end)

  it("keeps text of every kind", function()
    local all = {}
    for byte = 0, 127 do all[#all + 1] = string.char(byte) end
    all = table.concat(all) .. "é€😀\u{10FFFF}"
    assert.are.equal(all, json.decode(json.encode(all)))
    assert.are.equal("é€😀", json.decode [["\u00e9\u20AC\ud83d\uDE00"]])
    assert.are.equal('/"\\\b\f\n\r\t', json.decode [["\/\"\\\b\f\n\r\t"]])
    assert.are.equal("a\0b", json.decode [["a\u0000b"]])
    assert.are.equal(("x"):rep(1 << 20), json.decode(json.encode(("x"):rep(1 << 20))))
  end)

  it("reads half a surrogate pair as U+FFFD", function()
    for _, text in ipairs { [["\ud83d"]], [["\ude00"]], [["\ud83dx"]], [["\ud83d\n"]],
      [["\ud83dA"]] } do
      assert.matches("^\u{FFFD}", (json.decode(text)))
    end
    assert.are.equal("\u{FFFD}A", json.decode [["\ud83d\u0041"]])
  end)

  it("refuses text that is not UTF-8, which SQS would not take either", function()
    for _, text in ipairs { "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80" } do
      assert.are.same({ nil, "encode: JSON cannot hold text that is not UTF-8", "InvalidText" },
        { json.encode { a = text } })
    end
  end)

  it("raises for what JSON cannot hold", function()
    local circle = {}
    circle.circle = circle
    local refused = {
      [print] = "JSON has no function",
      [1 / 0] = "JSON has no inf",
      [circle] = "nested deeper than 100",
      [{ 1, a = 2 }] = "names and numbers",
      [{ [3] = 1 }] = "names and numbers",
      [json.list { a = 1 }] = "names and numbers",
    }
    for value, pattern in pairs(refused) do
      assert.error_matches(function() json.encode { value } end, pattern)
    end
    assert.error_matches(function() json.encode(0 / 0) end, "JSON has no %-?nan")
    assert.are.equal('{"a":1}', json.encode { a = 1 })
  end)

  describe("gives a message without a byte of the text for", function()
    local broken = {
      "", " ", "{", "[", "[1", "[1,", "[1,]", "{,}", '{"secret"', '{"secret":', '{"secret":1',
      '{"secret":1,', '{"secret":1,}',
      "{1:2}", '"secret', '"secret\\', '"secret\\x"', '"\\u12g4"', '"\\u12', '"secret\n"', "nul",
      "nulll", "True", "secret",
      "01", "1.", ".5", "1e",
      "+1", "0x10", "--1", "1-1", "1 2", "{} {}", "NaN", "inf", "'a'", "\0", "[1\0]", '{"a":1}\0',
      "<html>secret</html>",
      ("["):rep(200), '{"a":"b" "c"}', "[1 2]", '"\\ud83d\\u12',
    }
    for _, text in ipairs(broken) do
      it(("%q"):format(text:sub(1, 30)), function()
        local value, err, code = json.decode(text)
        assert.is_nil(value)
        assert.are.equal("InvalidJson", code)
        assert.matches("^not JSON: [%l: ']+ at byte %d+$", err)
        assert.is_nil(err:find("secret", 1, true))
      end)
    end
  end)

  it("refuses every answer that was cut off", function()
    local whole =
      [[{"Messages":[{"Body":"a\u00e9\"","Attributes":{"n":"-1.5e3"},"x":]]
      .. "[true,false,null,-12.5e+3]}]}"
    assert.is_table(json.decode(whole))
    for size = 0, #whole - 1 do
      assert.is_nil((json.decode(whole:sub(1, size))))
    end
  end)

  -- It became an infinity, which nothing can write again.
  it("refuses a number that no double can hold", function()
    for _, text in ipairs { "1e416", "[-1e+999]" } do
      local value, err, code = json.decode(text)
      assert.is_nil(value)
      assert.matches("number too large", err, 1, true)
      assert.are.equal("InvalidJson", code)
    end
    assert.are.equal(1.7976931348623157e308, json.decode "1.7976931348623157e308")
  end)

  -- A null in DescribeTasks' list of tasks ended the task that followed all others.
  it("leaves nulls out of objects and lists on request", function()
    local text = '{"a":null,"b":[null,{"c":null},null,[null],2,null]}'
    local found = json.decode(text, true)
    assert.are.same({ b = { {}, {}, 2 } }, found)
    assert.are.equal("[]", json.encode(found.b[2]))
    assert.are.equal(3, #found.b)
    assert.are.same({
      b = { json.null, { c = json.null }, json.null, { json.null }, 2, json.null }, a = json.null,
    },
      json.decode(text))
  end)

  -- Some commands wrote https:\/\/ and others https://, of the same queue.
  it("writes a slash as a slash, and everything but quotes and controls as it is", function()
    assert.are.equal('"/\\u007f é \\"\\\\\\n\\u0001"', json.encode "/\127 é \"\\\n\1")
  end)

  -- The embedded queue keeps attributes as JSON, and a task's attributes may hold any bytes.
  it("writes text that is not UTF-8 as U+FFFD or as it is, on request", function()
    for _, text in ipairs { "a\xffb", "\xed\xa0\x80", "\xc3", "x\0\xfe\"\\/\n" } do
      local kept = json.encode({ [text] = { text } }, "bytes")
      assert.are.same({ [text] = { text } }, json.decode(kept))
      local replaced = json.encode({ text }, "replace")
      assert.is_not_nil(utf8.len(replaced))
      assert.matches("\\ufffd", replaced, 1, true)
    end
    assert.are.equal(json.encode { "é\n\"" }, json.encode({ "é\n\"" }, "bytes"))
    assert.error_matches(function() json.encode("x", "guess") end, "invalid option 'guess'")
  end)

  it("reads numbers of any length", function()
    assert.are.equal(0.1, json.decode("0.1" .. ("0"):rep(1000)))
    assert.are.equal(("1"):rep(64) + 0.0, json.decode(("1"):rep(64)))
  end)

  it("writes members in their order, for log lines", function()
    assert.are.equal('{"b":1,"a":"inf","c":"\\ufffd","d":null}',
      json.members("b", 1, "a", math.huge, "gone", nil, "c", "\xff", "d", json.null))
  end)

  -- Three codecs wrote the same message in three spellings: "https:\\/\\/", 1e+15, {} for a list.
  -- lua-cjson is carried for policies only, see doc/architecture.md.
  it("is the only codec, on every path that writes JSON", function()
    local files = assert(io.popen "grep -rlE 'cjson[.](en|de)code|core[\")]*\\.json' lua")
    assert.are.equal("lua/watchbot/lib/json.lua\n", files:read "a")
    files:close()
  end)

  it("spells alike on the paths of a message", function()
    local url = "https://example.com/é?a=/b/"
    local attributes = { name = { type = "String", value = url } }
    local letter = {
      id = "i", body = url, subject = url, receives = 1, sent = 0, attributes = attributes,
      died = 0,
    }
    local one = require "watchbot.message.job".new(letter)
    for path, text in pairs {
      envelope = require "watchbot.message.envelope".wrap(url, url),
      job = one:attributes_json(),
      saved = require "watchbot.message.saved".encode(letter),
      view = require "watchbot.cli.dead_letter.view".json(letter),
      journal = require "watchbot.journal".object("m", url),
      template = require "watchbot.template.to_json" { Resources = { A = { Type = url } } },
      stable = require "watchbot.template.stable" { url },
    } do
      assert.is_truthy(text:find(url, 1, true), path)
      assert.is_nil(text:find("\\/", 1, true), path)
      assert.is_not_nil(json.decode(text), path)
    end
  end)

  -- With a queue file of such a name `status --json` ended with a traceback.
  it("writes valid JSON for people, whatever the bytes", function()
    local text = assert(json.encode({ queue = "sqlite:/tmp/\xff.db" }, "replace"))
    assert.are.equal([[{"queue":"sqlite:/tmp/\ufffd.db"}]], text)
    local one = require "watchbot.message.job".new { id = "i", body = "", receives = 1,
      attributes = { ["\xff"] = { type = "String", value = "\xfe" } } }
    assert.is_not_nil(utf8.len(one:attributes_json()))
  end)

  it("survives bytes at random", function()
    local seeds = { '{"a":[1,2,{"b":"c\\u00e9"}],"d":null}', "[[[]]]", '"\\ud83d\\ude00"' }
    math.randomseed(7)
    for round = 1, 3000 do
      local text = seeds[round % #seeds + 1]
      local at = math.random(#text)
      text = text:sub(1, at - 1) .. string.char(math.random(0, 255))
        .. text:sub(at + math.random(0, 2))
      local value, err = json.decode(text)
      assert.is_true(value ~= nil or err ~= nil)
    end
  end)

  -- A host that had called setlocale got 0,5, which is no JSON.
  it("writes a point in every locale", function()
    local folder <close> =
      setmetatable({ path = shell.folder() },
      { __close = function(self) shell.remove(self.path) end })
    local _, code = shell.run(("localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' 2>&1"):format(
      folder.path))
    if code ~= 0 then
      return pending "localedef cannot make a locale here; the package locales has what it needs"
    end
    shell.write(folder.path .. "/program.lua", [[
      local json = require "watchbot.lib.json"
      assert(os.setlocale "de_DE.UTF-8" and tostring(0.5) == "0,5")
      print(json.encode { 0.5, -1.5e-7, 1e300, 123456789.25, 3 }, json.decode "[0.5]"[1] == 1 / 2)
    ]])
    -- glibc keeps $LOCPATH.
    local out = shell.run(("ASAN_OPTIONS=detect_leaks=0 LOCPATH='%s' %s 2>&1"):format(folder.path,
      shell.lua(folder.path .. "/program.lua")))
    assert.are.equal("[0.5,-1.5e-07,1e+300,123456789.25,3]\ttrue\n", out)
  end)
end)
