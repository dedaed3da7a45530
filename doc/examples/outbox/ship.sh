#!/bin/sh
echo "$Message" >> shipped.txt
