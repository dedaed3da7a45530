local address = require "watchbot.lib.address"

describe("an address", function()
  it("is a numeric host and a port, or the path of a Unix socket", function()
    for text, expected in pairs {
      ["127.0.0.1:9464"] = { address = "127.0.0.1", port = 9464 },
      ["localhost:1"] = { address = "127.0.0.1", port = 1 },
      ["0.0.0.0:0"] = { address = "0.0.0.0", port = 0 },
      ["[::1]:9464"] = { address = "::1", port = 9464 },
      ["[::ffff:10.0.0.1]:65535"] = { address = "::ffff:10.0.0.1", port = 65535 },
      ["/run/watchbot.sock"] = { path = "/run/watchbot.sock" },
      ["unix:/run/watchbot.sock"] = { path = "/run/watchbot.sock" },
    } do
      assert.are.same(expected, (address.parse(text)), text)
    end
  end)

  it("that is something else is refused, with what is expected", function()
    for _, text in ipairs {
      "", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1",
      "256.0.0.1:80", "1.2.3:80", "1.2.3.4.5:80", "1..2.3:80", "::1:9464", "[]:80", "[1]:80",
      "host.example:80", "http://127.0.0.1:80", "run.sock", "./run.sock", "/run/", "/a\0b",
      "127.0.0.1:80 ", "127.0.0.1:80\n",
    } do
      local options, problem = address.parse(text)
      assert.is_nil(options, text)
      assert.matches("^expected an address and a port like", problem)
    end
    assert.matches("from 0 to 65535", select(2, address.parse "127.0.0.1:65536"))
    assert.matches("at most 107 bytes", select(2, address.parse("/" .. ("x"):rep(107))))
  end)

  it("is shown as it is written", function()
    assert.are.equal("127.0.0.1:80", address.text("127.0.0.1", 80))
    assert.are.equal("[::1]:80", address.text("::1", 80))
    assert.are.equal("/run/x", address.text("/run/x"))
  end)

  it("is local where no other machine can reach it", function()
    for text, expected in pairs {
      ["127.0.0.1:0"] = true, ["127.9.9.9:80"] = true, ["[::1]:80"] = true, ["/run/x"] = true,
      ["localhost:80"] = true, ["0.0.0.0:80"] = false, ["[::]:80"] = false,
      ["[::ffff:127.0.0.1]:80"] = false, ["10.0.0.1:80"] = false, ["128.0.0.1:80"] = false,
    } do
      assert.are.equal(expected, address.is_local(address.parse(text)), text)
    end
  end)
end)
