local xray = require "watchbot.trace.xray"

local ROOT, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"

describe("trace.xray", function()
  it("reads a header, and writes its three fields in AWS's order", function()
    local whole = ("Root=%s;Parent=%s;Sampled=1"):format(ROOT, PARENT)
    assert.are.same({
      trace_id = "5759e988bd862e3fe1be46a994272793", span_id = PARENT, sampled = true,
    }, xray.read(whole))
    for text, expected in pairs {
      [whole] = whole, [("Sampled=0; Parent=%s; Root=%s"):format(PARENT, ROOT)] =
        ("Root=%s;Parent=%s;Sampled=0"):format(ROOT, PARENT),
      ["Root=" .. ROOT] = "Root=" .. ROOT, [whole .. ";"] = whole,
      ["Self=1-2;" .. whole .. ";Lineage=a:1|b:2"] = whole,
      ["Root=" .. ROOT .. ";Sampled=?"] = "Root=" .. ROOT,
    } do
      assert.are.equal(expected, xray.checked(text), text)
    end
  end)

  it("refuses everything else", function()
    for _, text in ipairs {
      "", "Root=", ROOT, "Root=2" .. ROOT:sub(2), "Root=" .. ROOT:upper(), "Root=" .. ROOT .. "0",
      "Root=1-5759e98-8bd862e3fe1be46a994272793", "Root=1-00000000-" .. ("0"):rep(24),
      "Parent=" .. PARENT, "Root=" .. ROOT .. ";Parent=" .. ("0"):rep(16),
      "Root=" .. ROOT .. ";Parent=xyz", "Root=" .. ROOT .. ";Sampled=2",
      "Root=" .. ROOT .. ";Root=" .. ROOT, "Root=" .. ROOT .. "\n", "Root=" .. ROOT .. ";x",
      "Root=" .. ROOT .. ";x=\0", "Root=" .. ROOT .. ";x=\r\nHost: evil",
      "Root=" .. ROOT .. ";x=" .. ("y"):rep(1024),
    } do
      assert.is_nil(xray.checked(text), ("%q"):format(text))
    end
    assert.is_nil(xray.checked(nil))
    assert.is_nil(xray.checked {})
  end)
end)
