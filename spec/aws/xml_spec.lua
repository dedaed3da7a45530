local xml = require "watchbot.aws.xml"

describe("xml", function()
  it("reads fields, lists, maps and text", function()
    local root, value = xml.decode [=[<?xml version="1.0"?>
      <R xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
        <Result>
          <Topics><member><Arn>a</Arn></member></Topics>
          <Names><member>x</member><member> y </member></Names>
          <Attributes><entry><key>K&amp;</key><value>é&#x20AC;</value></entry>
            <entry><key>L</key><value/></entry></Attributes>
          <Error>1</Error><Error>2</Error><Error>3</Error>
          <Cdata><![CDATA[<a> & ]]>]]&gt;<![CDATA[b]]></Cdata>
        </Result>
        <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>
      </R>]=]
    assert.are.equal("R", root)
    assert.are.same({
      Result = {
        Topics = { { Arn = "a" } },
        Names = { "x", " y " },
        Attributes = { ["K&"] = "é€", L = "" },
        Error = { "1", "2", "3" },
        Cdata = "<a> & ]]>b",
      },
      ResponseMetadata = { RequestId = "id" },
    }, value)
  end)

  it("reads namespaces with a prefix", function()
    assert.are.same({ "a", { b = "1" } }, { xml.decode '<x:a xmlns:x="urn:x"><x:b>1</x:b></x:a>' })
  end)

  it("keeps lists of structures with the same field, and lists within lists, apart", function()
    local _, value = xml.decode("<r><a><b>1</b></a><a><b>2</b><b>3</b></a>"
      .. "<l><member><member>4</member></member><member/></l></r>")
    assert.are.same({ a = { { b = "1" }, { b = { "2", "3" } } }, l = { { "4" }, "" } }, value)
  end)

  it("leaves an empty list as something that can be counted and walked", function()
    local _, value = xml.decode "<r><Topics/><Names>  </Names><Lines>\n  </Lines></r>"
    -- White space between elements counted as text: an empty list with three blanks in it.
    for _, name in ipairs { "Topics", "Names", "Lines" } do
      assert.are.equal("", value[name])
      assert.are.equal(0, #value[name])
      for _ in ipairs(value[name]) do error "nothing is in it" end
    end
  end)

  describe("gives a message without a byte of the text for", function()
    local broken = {
      "", " ", "secret", "<", "<secret", "<secret>", "<a>secret</b>", "<a></a>secret",
      "<a></a><b></b>", "<a>&secret;</a>",
      "<a secret></a>", "\0", "<a>\0</a>", "<a>\xff</a>", "{}", '<?xml version="1.0"?>',
      "<a xmlns:x='secret'><y:b/></a",
      "<a><![CDATA[secret</a>",
    }
    for _, text in ipairs(broken) do
      it(("%q"):format(text), function()
        local root, err, code = xml.decode(text)
        assert.is_nil(root)
        assert.matches("^not XML: ", err)
        assert.are.equal("InvalidXml", code)
        assert.is_nil(err:find("secret", 1, true))
      end)
    end
  end)

  it("refuses every answer that was cut off", function()
    local whole = "<A><B><member>x</member></B><C>é</C></A>"
    for size = 0, #whole - 1 do assert.is_nil((xml.decode(whole:sub(1, size)))) end
  end)

  it("refuses entities that grow, files from outside, and any other document type", function()
    local bomb = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">]><a>&y;</a>'
    local outside = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    for _, text in ipairs { bomb, outside, "<!DOCTYPE html><html></html>" } do
      assert.are.same({ nil, "not XML: it has a document type", "InvalidXml" },
        { xml.decode(text) })
    end
  end)

  it("refuses what is nested too deeply", function()
    assert.are.same({ nil, "not XML: nested too deeply", "InvalidXml" },
      { xml.decode(("<a>"):rep(100000)) })
    assert.are.equal("a", (xml.decode(("<a>"):rep(100) .. ("</a>"):rep(100))))
  end)

  it("survives bytes at random", function()
    local seed = "<A><B><member>x</member></B><C "
      .. "a='1'>&lt;é</C><D><entry><key>k</key></entry></D></A>"
    math.randomseed(7)
    for _ = 1, 2000 do
      local at = math.random(#seed)
      local text = seed:sub(1, at - 1) .. string.char(math.random(0, 255))
        .. seed:sub(at + math.random(0, 2))
      local root, value = xml.decode(text)
      assert.is_true(root ~= nil or type(value) == "string")
    end
  end)
end)
