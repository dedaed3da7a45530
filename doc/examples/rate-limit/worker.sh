#!/bin/sh
# One call of the API. What the server refuses as too fast goes back to the queue, without a
# notification.
#
#   curl --fail --silent "https://api.example.com/$Message" || exit 4
echo "calling for $Message"
