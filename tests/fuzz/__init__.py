"""The API as it is described, asked at random: no answer that the description does not name."""
