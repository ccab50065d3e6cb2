"""What happened and what holds, told to an MQTT broker."""
