-- Templates of the console: whatever fills them is text.

local html = require "watchbot.console.html"

describe("a template", function()
  it("escapes what fills it, in text and in attributes", function()
    local page = html.template [[<p title="{a}">{a}</p>]]
    assert.are.equal('<p title="&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;">&lt;b&gt; &amp; '
      .. "&quot;c&quot; &#39;d&#39;</p>", page { a = "<b> & \"c\" 'd'" }.bytes)
  end)

  it("escapes each item of a list, and takes other templates' results as they are", function()
    local item, list = html.template "<li>{a}</li>", html.template "<ul>{items}</ul>"
    assert.are.equal("<ul><li>&lt;1&gt;</li>&lt;2&gt;3</ul>",
      list { items = { item { a = "<1>" }, "<2>", 3 } }.bytes)
  end)

  -- A template that is filled is not read again: "{b}" in a message is text.
  it("does not fill places in what fills it", function()
    local page = html.template "{a}{b}"
    assert.are.equal("{b}x", page { a = "{b}", b = "x" }.bytes)
    assert.are.equal("%1%2x", page { a = "%1%2", b = "x" }.bytes)
  end)

  -- A message can have anything: control characters, a text that runs backward, broken UTF-8.
  it("shows control characters and overrides of direction as escapes", function()
    local page = html.template "{a}"
    assert.are.equal("a\\u{0}b\\u{7}\\u{202e}c\u{FFFD}", page { a = "a\0b\7\u{202E}c\xff" }.bytes)
  end)

  it("needs a value for each place, but for those that may be empty", function()
    local page = html.template "<p>{a}{b?}</p>"
    assert.are.equal("<p>x</p>", page { a = "x" }.bytes)
    assert.has_error(function() page {} end, "nothing was given for '{a}'")
  end)

  it("has no places where text would be code", function()
    for _, source in ipairs {
      [[<p onclick="{a}">]], [[<p style="{a}">]], [[<iframe srcdoc="{a}">]], "<p {a}>",
      "<p title={a}>", "<{a}>", [[<p title='{a}'>]], [[<a href="/x/{a}">]],
      [[<p ONCLICK="{a}">]],
    } do
      assert.has_error(function() html.template(source) end)
    end
  end)

  -- "javascript:" is an address, too.
  it("takes only links of the console as addresses", function()
    local page = html.template [[<a href="{a}">x</a>]]
    assert.has_error(function() page { a = "javascript:alert(1)" } end)
    assert.are.equal('<a href="/jobs?match=%22%3E%3Cb%3E%26a%3D1&amp;n=2">x</a>',
      page { a = html.link("/jobs", "match", '"><b>&a=1', "none", nil, "n", 2) }.bytes)
  end)

  it("does not put HTML into an attribute", function()
    local page = html.template [[<p title="{a}"></p>]]
    assert.has_error(function() page { a = page { a = "x" } } end)
  end)
end)
